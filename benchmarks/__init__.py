"""What each operation costs beside the plain SDK, both measured in one run."""
