"""A held trace that goes on in other processes: one of them decides on it, and the others hear of it.

That is the one in which it began, as far as they share a spool's directory. Another that wants the trace kept says so,
and is heard as long as it is open; one that does not care waits. A trace is taken to go on elsewhere once somebody has
asked for the context of one of its spans, which is what goes into the headers of a request, or the process has forked.
"""

from typing import Final

from otel_ia.delivery.spooling.verdicts import Verdict, Verdicts


class Part:
    """What of a trace is held here."""

    __slots__ = ("decides", "trace_id", "verdicts")

    def __init__(self, verdicts: Verdicts, trace_id: bytes, *, decides: bool) -> None:
        self.verdicts: Final = verdicts
        self.trace_id: Final = trace_id
        self.decides = decides

    def claim(self) -> bool:
        """Whether this process decides from now on, since nobody else does as far as is known."""
        if not self.decides and self.verdicts.claim(self.trace_id):
            self.decides = True
            return True
        return False

    def ask(self, *, is_wanted: bool) -> bool | None:
        """Whether it is kept, now that its local root has ended; None while others have not decided."""
        verdict = self.verdicts.find(self.trace_id)
        if self.decides or verdict is None:
            return is_wanted or verdict is Verdict.KEPT
        if is_wanted:
            self.verdicts.wish(self.trace_id)
            return True
        return None if verdict is Verdict.OPEN else verdict is Verdict.KEPT

    def tell(self, *, is_kept: bool) -> None:
        """Tells the others what was decided, if that is for this process to decide."""
        if self.decides:
            self.verdicts.decide(self.trace_id, is_kept=is_kept)
