"""The call sites of `with` blocks, known by where each block stands."""

from collections.abc import Callable
from types import CodeType, FrameType
from typing import Final

from otel_ia.guard import guarded
from otel_ia.recording.callsite import CallSite
from otel_ia.recording.places import Place, is_entered_for_another, place_of_block

KNOWN_BLOCKS: Final = 1_024
"""Blocks of one name whose call sites are kept; when one more comes, it starts anew."""


class BlockSites:
    """The call sites of the blocks with the same name and options."""

    __slots__ = ("_known", "latest")

    def __init__(self) -> None:
        self._known: dict[Place | tuple[int, int], tuple[CodeType, CallSite]] = {}
        self.latest: tuple[CodeType | None, int, CallSite | None] = (None, 0, None)
        """Code, instruction and call site of the block found last: most names stand at one place."""

    @guarded
    def find(self, frame: FrameType, make: Callable[[Place], CallSite]) -> CallSite:
        """The call site of the block that is entered in this frame; `make` makes the one of a place."""
        code = frame.f_code
        is_for_another = is_entered_for_another(frame)
        key = place_of_block(frame) if is_for_another else (id(code), frame.f_lasti)
        known = self._known.get(key)
        # by identity: the hash of a code object reads all of it
        if known is None or (known[0] is not code and not is_for_another):
            if len(self._known) >= KNOWN_BLOCKS:
                self._known.clear()
            known = self._known[key] = (code, make(place_of_block(frame)))
        if not is_for_another:
            self.latest = (code, frame.f_lasti, known[1])
        return known[1]
