"""Text as the command line prints it: in 80 columns, without control characters of others, on any terminal."""

import re
import sys
import textwrap
from typing import Final

WIDTH: Final = 80
_COMMAND: Final = re.compile("`[^`]*`")
_FIRM: Final = "\N{NO-BREAK SPACE}"


def wrapped(text: str) -> list[str]:
    """Lines of at most 80 columns, but for longer words: a URL or path stays in one piece, and a command too."""
    indent = len(text) - len(text.lstrip()) + 4
    text = _COMMAND.sub(lambda command: command[0].replace(" ", _FIRM), text)
    lines = textwrap.wrap(text, WIDTH, subsequent_indent=" " * indent, break_long_words=False, break_on_hyphens=False)
    return [line.replace(_FIRM, " ") for line in lines]


def say(text: str, *, end: str = "\n") -> None:
    """Prints the text; letters that the terminal lacks, as a service's name may have, are escaped."""
    encoding = sys.stdout.encoding or "utf-8"
    print(text.encode(encoding, "backslashreplace").decode(encoding), end=end, flush=True)


def printable(text: str) -> str:
    """Files, names and paths of others send no control characters to the terminal."""
    return text if text.isprintable() else ascii(text)
