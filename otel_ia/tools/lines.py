"""Text as the command line prints it: in 80 columns, without control characters of others."""

import textwrap
from typing import Final

WIDTH: Final = 80


def wrapped(text: str) -> list[str]:
    """Lines of at most 80 columns, but for longer words: a URL or path stays in one piece."""
    indent = len(text) - len(text.lstrip()) + 4
    return textwrap.wrap(text, WIDTH, subsequent_indent=" " * indent, break_long_words=False, break_on_hyphens=False)


def printable(text: str) -> str:
    """Files, names and paths of others send no control characters to the terminal."""
    return text if text.isprintable() else ascii(text)
