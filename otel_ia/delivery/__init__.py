"""Finished telemetry on its way to a collector. Knows nothing of where it comes from."""
