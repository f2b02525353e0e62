"""What brings the spool's content to a collector."""
