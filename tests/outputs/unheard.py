"""Log records without those who listen while tests run."""

import logging
from contextlib import contextmanager


@contextmanager
def unheard_by_pytest():
    """Without the handlers that show a failing test its log records: they raise what formatting raises."""
    before, logging.root.handlers[:] = list(logging.root.handlers), [logging.NullHandler()]
    try:
        yield
    finally:
        logging.root.handlers[:] = before
