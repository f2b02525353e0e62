"""The command line and what it runs. Nothing else in the package imports this room."""
