"""Other libraries, one file each: `install()` makes the change and returns its undo."""
