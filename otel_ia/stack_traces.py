"""Stack traces as `traceback.format_exception` writes them, at a tenth of its price from the second time on.

Most of that price is for the lines of source and the carets below them: a look at each file's date and a parse of each
line. They are the same whenever the same instruction lets an exception pass, so they are kept. An edit of the file
after that shows in the traces of other instructions only.
"""

import sys
import traceback
from collections import deque
from types import CodeType, TracebackType
from typing import Final, TypeAlias

from otel_ia.guard import guarded

KNOWN_ENTRIES: Final = 2_048
"""Entries that are kept; when one more comes, it starts anew."""
CHAIN_LIMIT: Final = 64
"""Exceptions of a chain of causes and contexts, the last raised: a loop of retries may make one of thousands."""

_CAUSE: Final = "\nThe above exception was the direct cause of the following exception:\n\n"
_CONTEXT: Final = "\nDuring handling of the above exception, another exception occurred:\n\n"
_HEADING: Final = "Traceback (most recent call last):\n"
_EARLIER: Final = "  … earlier exceptions left out …\n"
_MOST_TOGETHER: Final = 512
_MOST_NOTES: Final = 64
_LONGEST_NOTE: Final = 65_536
_REPEATS_SHOWN: Final = 3
_OF_THEIR_OWN_FORM: Final = (SyntaxError, BaseExceptionGroup)
# From Python 3.12 on they may end in "Did you mean …?".
_SUGGESTING: Final = (NameError, AttributeError, ImportError) if sys.version_info >= (3, 12) else ()


_Entry: TypeAlias = tuple[CodeType, tuple[str, int, str], str]
"""The code, kept alive or another could get its id; the place; what is written of it."""
_entries: Final[dict[tuple[int, int], _Entry]] = {}


def format_exception(error: BaseException, frames: int) -> str:
    """What `"".join(traceback.format_exception(error, limit=-frames))` is.

    Exceptions of an unusual form (groups, syntax errors, with notes, in a circle) are left to that function, unless it
    would take long: where there are more than 512 of them together, or longer notes than anyone reads, those are
    written without notes and members, and of a longer chain the last 64.
    """
    chain: list[BaseException] = []
    joints: list[str] = []
    is_unusual = False
    current: BaseException | None = error
    while current is not None and len(chain) < CHAIN_LIMIT:
        if any(current is other for other in chain):
            is_unusual = True
            break
        is_unusual = is_unusual or _is_unusual(current)
        chain.append(current)
        if current.__cause__ is not None:
            joints.append(_CAUSE)
            current = current.__cause__
        else:
            joints.append(_CONTEXT)
            current = None if current.__suppress_context__ else current.__context__
    if is_unusual and _is_modest(error):
        return "".join(traceback.format_exception(error, limit=-frames))
    pieces: list[str] = [] if current is None else [_EARLIER, joints[-1]]
    for index in range(len(chain) - 1, -1, -1):
        _write(chain[index], frames, pieces)
        if index:
            pieces.append(joints[index - 1])
    return "".join(pieces)


def _is_unusual(error: BaseException) -> bool:
    return isinstance(error, _OF_THEIR_OWN_FORM + _SUGGESTING) or getattr(error, "__notes__", None) is not None


def _is_modest(error: BaseException) -> bool:
    """Whether `traceback`, which writes all there is, has little to write."""
    waiting: list[BaseException | None] = [error]
    seen: set[int] = set()
    while waiting:
        current = waiting.pop()
        if current is None or id(current) in seen:
            continue
        seen.add(id(current))
        if len(seen) > _MOST_TOGETHER or not _are_short(getattr(current, "__notes__", None)):
            return False
        waiting += (current.__cause__, current.__context__)
        if isinstance(current, BaseExceptionGroup):
            waiting += current.exceptions[:_MOST_TOGETHER]
            if len(current.exceptions) > _MOST_TOGETHER:
                return False
    return True


def _are_short(notes: object) -> bool:
    if notes is None:
        return True
    if type(notes) is not list or len(notes) > _MOST_NOTES:  # anything else was not put there by `add_note`
        return False
    return all(type(note) is str and len(note) <= _LONGEST_NOTE for note in notes)


def _write(error: BaseException, frames: int, pieces: list[str]) -> None:
    entry = error.__traceback__
    if entry is not None:
        pieces.append(_HEADING)
        _write_entries(_last(entry, frames), pieces)
    kind = type(error)
    module, name = kind.__module__, kind.__qualname__
    if module not in ("__main__", "builtins"):
        name = f"{module if type(module) is str else '<unknown>'}.{name}"
    message = _own_text(error)
    if message is None:
        message = "<exception str() failed>"
    pieces.append(f"{name}: {message}\n" if message else f"{name}\n")


def _last(entry: TracebackType, frames: int) -> deque[TracebackType]:
    found: deque[TracebackType] = deque(maxlen=frames)
    following: TracebackType | None = entry
    while following is not None:
        found.append(following)
        following = following.tb_next
    return found


def _write_entries(entries: deque[TracebackType], pieces: list[str]) -> None:
    before: tuple[str, int, str] | None = None
    repeats = 0
    for traceback_entry in entries:
        code = traceback_entry.tb_frame.f_code
        _, place, text = _entries.get((id(code), traceback_entry.tb_lasti)) or _new_entry(code, traceback_entry)
        if place != before:
            _write_repeats(repeats, pieces)
            before = place
            repeats = 0
        repeats += 1
        if repeats <= _REPEATS_SHOWN:
            pieces.append(text)
    _write_repeats(repeats, pieces)


def _write_repeats(repeats: int, pieces: list[str]) -> None:
    more = repeats - _REPEATS_SHOWN
    if more > 0:
        pieces.append(f"  [Previous line repeated {more} more time{'s' if more > 1 else ''}]\n")


def _new_entry(code: CodeType, entry: TracebackType) -> _Entry:
    (summary,) = extracted = traceback.extract_tb(entry, limit=1)
    made = (code, (summary.filename, summary.lineno or 0, summary.name), "".join(extracted.format()))
    if len(_entries) >= KNOWN_ENTRIES:
        _entries.clear()
    _entries[id(code), entry.tb_lasti] = made
    return made


@guarded(ours=False)  # the user's own `__str__`
def _own_text(error: BaseException) -> str:
    return str(error)
