"""A held trace that goes on in other processes: one of them decides on it, and the others hear of it.

That is the one in which it began, as far as they share a spool's directory. Another that wants the trace kept says so,
and is heard as long as it is open; one that does not care waits. A trace is taken to go on elsewhere once somebody has
asked for the context of one of its spans, which is what goes into the headers of a request, or the process has forked.
"""

from typing import Final

from otel_ia.delivery.spooling.verdicts import Claim, Verdict, Verdicts


class Part:
    """What of a trace is held here."""

    __slots__ = ("claim", "trace_id", "verdicts")

    def __init__(self, verdicts: Verdicts, trace_id: bytes, claim: Claim | None = None) -> None:
        self.verdicts: Final = verdicts
        self.trace_id: Final = trace_id
        self.claim = claim
        """To decide on it; None where that is another's."""

    def is_wished(self) -> bool:
        """Whether another process wants kept what this one decides on."""
        return self.claim is not None and self.claim.is_wished()

    def wish(self) -> None:
        """Has the others keep it, if they have yet to decide."""
        self.verdicts.wish(self.trace_id)

    def ask(self, *, is_wanted: bool) -> bool | None:
        """Whether it is kept, now that its local root has ended; None while others have not decided."""
        if self.claim is not None:
            return is_wanted or self.claim.is_wished()
        verdict = self.verdicts.find(self.trace_id)
        if is_wanted and verdict is not None:
            self.wish()
        if is_wanted or verdict is None:
            return is_wanted
        return None if verdict is Verdict.OPEN else verdict is Verdict.KEPT
