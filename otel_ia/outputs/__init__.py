"""Log records as lines: on the console and in files, as text or JSON."""
