"""`python -m otel_ia`, the same as the command `otel-ia`."""

import sys

from otel_ia.tools.command_line import main

__all__ = ["main"]

if __name__ == "__main__":
    sys.exit(main())
