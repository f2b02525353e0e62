"""What has become of the telemetry of this process so far, in plain numbers."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from otel_ia.outputs.losses import Losses
    from otel_ia.redaction import Redactor
    from otel_ia.sdk.outbox import Outbox


@dataclass(frozen=True, slots=True, kw_only=True)
class Stats:
    """Counted since `configure`; mappings by signal have a key for each in use.

    Spans and log records are counted one by one, metrics by the export. What is sent and dropped is counted
    anew in a forked child.
    """

    recorded: Mapping[str, int]
    """By signal: given to the spool by this process, whatever has become of it."""
    delivered: Mapping[str, int]
    """By signal: acknowledged by the collector, what was adopted from earlier processes included."""
    rejected: Mapping[str, int]
    """By signal: not taken by a collector that accepted the request they were in."""
    set_aside: Mapping[str, int]
    """By signal: refused by the collector for good, kept in the spool for a person."""
    dropped: Mapping[str, int]
    """By reason: lost in this process; `log file: …` counts lines that a log file did not take."""
    dropped_earlier: Mapping[str, int]
    """By reason: lost in earlier processes, as what they left behind tells."""
    redacted: Mapping[str, int]
    """By rule: secrets taken out."""
    held: Mapping[str, int]
    """Traces that were not sampled and held: kept as `failed`, `slow` or, for another process's sake, `followed`;
    `discarded`; `given up` over the bound."""
    waiting_bytes: Mapping[str, int]
    """By signal: not acknowledged yet, on disk and in memory."""
    lag: Mapping[str, float]
    """By signal: seconds from the end of the oldest span or log record of the last batch to its delivery."""
    requests: int
    retried: int
    """Requests that came to nothing and were sent again."""
    bytes_sent: int
    """Before compression."""
    refused: int
    """All that was set aside, with what could not be read as telemetry."""
    damaged: int
    """Stretches in what earlier processes left that are no telemetry: one half written at a kill is one."""
    adopted: int
    """Segments taken over from processes that died."""
    abandoned: int
    """Spans that were open in a process that died."""


def take_stats(outboxes: Sequence["Outbox"], redactor: "Redactor | None", losses: "Losses | None" = None) -> Stats:
    """The numbers at this moment; from any thread."""
    shipped = {outbox.signal: outbox.shipper.counters for outbox in outboxes}
    spools = [outbox.spool.counters for outbox in outboxes]
    dropped: Counter[str] = Counter()
    dropped_earlier: Counter[str] = Counter()
    for counters in spools:
        dropped.update(counters.dropped)
        dropped_earlier.update(counters.dropped_earlier)
    if losses is not None:
        dropped.update(dict(losses.count))
    return Stats(
        recorded={outbox.signal: outbox.spool.recorded for outbox in outboxes},
        delivered={signal: numbers.delivered[signal] for signal, numbers in shipped.items()},
        rejected={signal: numbers.rejected[signal] for signal, numbers in shipped.items()},
        set_aside={signal: numbers.set_aside[signal] for signal, numbers in shipped.items()},
        dropped=dict(dropped),
        dropped_earlier=dict(dropped_earlier),
        redacted=dict(redactor.count) if redactor is not None else {},
        held=_held(outboxes),
        waiting_bytes={outbox.signal: outbox.spool.waiting_bytes for outbox in outboxes},
        lag={signal: numbers.lag for signal, numbers in shipped.items()},
        requests=sum(numbers.requests for numbers in shipped.values()),
        retried=sum(numbers.retried for numbers in shipped.values()),
        bytes_sent=sum(numbers.bytes_sent for numbers in shipped.values()),
        refused=sum(counters.refused for counters in spools),
        damaged=sum(counters.damaged for counters in spools),
        adopted=sum(counters.adopted for counters in spools),
        abandoned=sum(counters.abandoned for counters in spools),
    )


def _held(outboxes: Sequence["Outbox"]) -> dict[str, int]:
    for outbox in outboxes:
        if (keeper := outbox.keeper) is not None:
            return {
                "failed": keeper.failed,
                "slow": keeper.slow,
                "followed": keeper.followed,
                "discarded": keeper.discarded,
                "given up": keeper.given_up,
            }
    return {}
