"""What happens while the user's code runs. Needs nothing but the OpenTelemetry API."""
