"""What keeps finished telemetry on disk until it is acknowledged, through the death of its process."""
