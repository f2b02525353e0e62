"""Drawn lines on their way to a stream: one text, one write, and nothing that can go wrong reaches the caller."""

import io
import os
import sys
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext, suppress
from dataclasses import dataclass
from typing import Any, Final, TextIO

from rich.cells import cell_len
from rich.console import Console
from rich.text import Text

from otel_ia.console.words import TIMES

Stream = TextIO | Callable[[], TextIO | None] | None
"""A text stream, or a function that gives the one to write to now; `None` stands for `sys.stderr` at that time."""

_DEFAULT_WIDTH: Final = 80
_WIDEST: Final = 200
_DRAWN: Final = f"─│├└━╺╸╍✗◆▲{TIMES}µ…"
_IN_ASCII: Final = str.maketrans(_DRAWN, "-||`=---x*!xu~")
_home = os.getpid()


@dataclass(frozen=True, slots=True)
class Surface:
    """What a stream can show."""

    width: int
    colour: bool
    encoding: str


def resolve(stream: Stream) -> TextIO | None:
    """The stream to write to at this moment."""
    if stream is None:
        return sys.stderr
    return stream() if callable(stream) else stream


def surface_of(stream: TextIO) -> Surface:
    """Width of the terminal (80 where there is none), colour, and encoding.

    `NO_COLOR`, `FORCE_COLOR`, `TERM=dumb` and `COLUMNS` mean what they mean everywhere (https://no-color.org,
    https://force-color.org); a notebook shows colours too.
    """
    return Surface(
        width=min(_width(stream), _WIDEST),
        colour=_shows_colour(stream),
        encoding=getattr(stream, "encoding", None) or "utf-8",
    )


def _width(stream: TextIO) -> int:
    with suppress(KeyError, ValueError):
        return max(1, int(os.environ["COLUMNS"]))
    with suppress(AttributeError, OSError, ValueError, TypeError):
        return os.get_terminal_size(stream.fileno()).columns or _DEFAULT_WIDTH
    return _DEFAULT_WIDTH


def _shows_colour(stream: TextIO) -> bool:
    if os.environ.get("NO_COLOR"):
        return False
    if os.environ.get("FORCE_COLOR"):
        return True
    if type(stream).__module__ == "ipykernel.iostream":
        return True
    with suppress(AttributeError, OSError, ValueError):
        return stream.isatty() and os.environ.get("TERM") not in {"dumb", "unknown"}
    return False


def render(lines: Sequence[Text], surface: Surface) -> str:
    """The lines as one text that the stream's encoding can carry, each as wide as it was drawn."""
    if surface.colour:
        sheet = io.StringIO()
        console = Console(
            file=sheet,
            force_terminal=True,
            force_jupyter=False,
            color_system="standard",
            no_color=False,
            legacy_windows=False,
            width=surface.width,
        )
        console.print(Text("\n").join(lines), soft_wrap=True)
        text = sheet.getvalue()
    else:
        text = "".join(f"{line.plain}\n" for line in lines)
    return _for_encoding(text, surface.encoding)


def _for_encoding(text: str, encoding: str) -> str:
    try:
        if _carries(_DRAWN, encoding):
            text.encode(encoding)
            return text
    except UnicodeEncodeError:
        pass
    text = text if _carries(_DRAWN, encoding) else text.translate(_IN_ASCII)
    return "".join(letter if _carries(letter, encoding) else "?" * cell_len(letter) for letter in text)


def _carries(text: str, encoding: str) -> bool:
    try:
        text.encode(encoding)
    except UnicodeEncodeError:
        return False
    except LookupError:
        return text.isascii()
    return True


def write_line(text: str) -> None:
    """Writes the text as a line, or several, to stderr as it is now."""
    target = resolve(None)
    if target is not None:
        encoding = getattr(target, "encoding", None) or "utf-8"
        shown = text if text.isascii() else _for_encoding(text, encoding)
        write(target, f"{shown}\n")


def write(stream: TextIO, text: str) -> None:
    """Writes the whole text at once and flushes; a closed, full or broken stream loses it."""
    with suppress(OSError, ValueError, RuntimeError, AttributeError), _beside_progress_bars(stream):
        stream.write(text)
        stream.flush()


def _beside_progress_bars(stream: TextIO) -> AbstractContextManager[Any]:
    """Takes tqdm's bars off the screen for the time of a write, if the program uses tqdm."""
    tqdm = getattr(sys.modules.get("tqdm"), "tqdm", None)
    if tqdm is None:
        return nullcontext()
    # After a fork, tqdm's lock may be held for ever by a thread that is not there any more.
    bars: AbstractContextManager[Any] = tqdm.external_write_mode(file=stream, nolock=os.getpid() != _home)
    return bars
