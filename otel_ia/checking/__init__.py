"""The chain tests itself: one span, one log record, one metric point sent, acknowledged, found, or why not."""
