"""What stands at a call site before its first call: only what is called has series, and a forked child a thread."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from otel_ia import semconv
from otel_ia.recording.tallying import CurrentTally, Tally
from otel_ia.sdk.tallies import Tally as CallTally

if TYPE_CHECKING:
    from otel_ia.sdk.metering import MeteringState, MeterProvider


class FirstTally:
    """In the place of a call site's tally until its first call, see `otel_ia.recording.tallying.Tally`."""

    __slots__ = ("_current", "_provider", "_state")

    def __init__(self, provider: "MeterProvider", state: "MeteringState", current: CurrentTally) -> None:
        self._provider = provider
        self._state = state
        self._current = current

    def begin(self, own: Mapping[str, Any] | None = None, /) -> Tally:
        if self._state.inner is None:
            self._provider.wake()
        description = self._current.description
        counted = self._state.tallies.tally(description)
        tally: Tally = LongWay(counted) if semconv.BATCH_SIZE in description.attributes else counted
        if self._current.tally is self:
            self._current.tally = tally
        return tally.begin(own)

    def record(self, *_: Any) -> None:
        """Is never called: `begin` gives another one."""

    record_stream = record_batch = record

    def adding(self, _measure: Any) -> Any:
        """Is never called either."""


class LongWay:
    """The tally of a call site that counts more than how long its calls take, which is not done in line."""

    __slots__ = ("_tally", "adding", "given", "record", "record_batch", "record_stream")

    def __init__(self, tally: CallTally, given: Mapping[str, Any] | None = None) -> None:
        self._tally = tally
        self.given = given
        self.record = tally.record
        self.record_stream = tally.record_stream
        self.record_batch = tally.record_batch
        self.adding = tally.adding

    def begin(self, own: Mapping[str, Any] | None = None, /) -> "LongWay":
        begun = self._tally.begin(own)
        return self if begun is self._tally else LongWay(begun, self.given)
