"""Sends one of each signal the configured way, and finds out what becomes of it."""

import os
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Final

from opentelemetry.context import Context

from otel_ia.checking.causes import cause_of, cause_of_absence, cause_of_fork, cause_of_skew, cause_of_spool
from otel_ia.checking.chain import Chain
from otel_ia.checking.network import look_at
from otel_ia.checking.probes import PROBES, Sent, foreign_provider
from otel_ia.checking.reading import Read, find_point, find_trace
from otel_ia.checking.report import Cause, Report, SignalReport
from otel_ia.delivery.shipping.destination import Signal, shown
from otel_ia.sdk.outbox import Outbox

_PATIENCE: Final = 1.0
"""Seconds until what is not acknowledged is looked into."""
_LOOK: Final = 3.0
"""Seconds for each step of that."""


_Find = Callable[[str, str, float], Read]


@dataclass(frozen=True, slots=True)
class _Underway:
    sent: Sent
    at: float
    wait: Callable[[float], bool]
    """Whether it was acknowledged, waited for until a moment of `time.monotonic`."""
    before: tuple[int, int, int]


def check(chain: Chain, *, timeout: float, jaeger: str | None = None, prometheus: str | None = None) -> Report:
    """Sends, waits for the acknowledgement and reads back: each within the timeout (s), all signals at once."""
    reports: dict[Signal, SignalReport] = {}
    underway: dict[Signal, _Underway] = {}
    context = Context()
    for signal, probe in PROBES.items():
        outbox = chain.outboxes.get(signal) if chain.is_active else None
        if outbox is None:
            reports[signal] = _absent(chain, signal)
            continue
        before, at = _counted(outbox), time.monotonic()
        sent = probe(chain, context)
        if isinstance(sent, Cause):
            reports[signal] = SignalReport(signal=signal, state="failed", causes=(sent,))
            continue
        context = sent.context or context
        underway[signal] = _Underway(sent, at, _waiting(outbox), before)
    warnings: list[Cause | None] = [foreign_provider() if chain.is_active and chain.outboxes else None]
    for signal, way in underway.items():
        reports[signal] = _arrival(chain, signal, way, timeout)
    warnings += _warnings(chain, underway)
    for signal, address, find in _readings(jaeger, prometheus):
        if reports[signal].state == "ok":
            read = find(address, underway[signal].sent.key, timeout)
            reports[signal] = _read_back(reports[signal], read)
            warnings.append(cause_of_skew(read.skew, shown(address)))
        elif reports[signal].state == "skipped":
            warnings.append(
                Cause(problem=f"{shown(address)} was not asked: no {signal} are sent", remedy="leave the address out")
            )
    return Report(
        service=chain.service,
        process=os.getpid(),
        signals=tuple(reports[signal] for signal in PROBES),
        warnings=tuple(dict.fromkeys(warning for warning in warnings if warning is not None)),
    )


def _readings(jaeger: str | None, prometheus: str | None) -> Iterator[tuple[Signal, str, _Find]]:
    if jaeger is not None:
        yield "traces", jaeger, find_trace
    if prometheus is not None:
        yield "metrics", prometheus, find_point


def _absent(chain: Chain, signal: Signal) -> SignalReport:
    if signal in chain.unwanted and chain.is_active and not chain.is_disabled:
        return SignalReport(signal=signal, state="skipped", remark="not sent, as configured")
    cause = cause_of_absence(
        signal, chain.destinations[signal], is_disabled=chain.is_disabled, is_active=chain.is_active
    )
    return SignalReport(signal=signal, state="failed", causes=(cause,))


def _waiting(outbox: Outbox) -> Callable[[float], bool]:
    return lambda end: outbox.shipper.flush(max(0.0, end - time.monotonic()))


def _counted(outbox: Outbox) -> tuple[int, int, int]:
    """Rejected by the server, set aside, dropped."""
    shipped = outbox.shipper.counters
    dropped = sum(outbox.spool.counters.dropped.values())
    return shipped.rejected[outbox.signal], shipped.set_aside[outbox.signal], dropped


def _arrival(chain: Chain, signal: Signal, way: _Underway, timeout: float) -> SignalReport:
    outbox, destination = chain.outboxes[signal], chain.destinations[signal]
    if destination.endpoint is None:  # all is kept for a later process
        cause = cause_of_absence(signal, destination, is_disabled=False, is_active=True)
        return SignalReport(signal=signal, state="failed", sent=f"{way.sent.what} to the spool", causes=(cause,))
    report = SignalReport(signal=signal, state="ok", sent=f"{way.sent.what} to {shown(destination.endpoint or '')}")
    end = way.at + timeout
    is_done = way.wait(min(end, time.monotonic() + _PATIENCE))
    found = None
    if not is_done:
        found = cause_of(look_at(signal, destination, min(_LOOK, timeout)))
        is_done = found is None and way.wait(end)
    if not is_done:
        return replace(report, state="failed", causes=tuple(_why_not(chain, outbox, found, timeout)))
    delay = time.monotonic() - way.at
    lost = _lost(way.before, _counted(outbox))
    if lost is not None:
        return replace(report, state="failed", delay=delay, causes=(lost,))
    return replace(report, is_accepted=True, delay=delay)


def _why_not(chain: Chain, outbox: Outbox, cause: Cause | None, timeout: float) -> Iterator[Cause]:
    trouble = outbox.shipper.trouble
    if cause is not None:
        yield cause
    elif trouble:
        yield Cause(problem=f"not accepted: {trouble}", remedy="look into the collector's log")
    else:
        yield Cause(
            problem=f"not acknowledged within {timeout:g} s, though the collector answers",
            remedy="look at what waits with `otel-ia spool`; a longer --timeout where much does",
        )
    if os.getpid() != chain.process or not outbox.shipper.is_running:
        protocol = chain.destinations[outbox.signal].protocol
        yield cause_of_fork(parent=chain.process, protocol=protocol, is_running=outbox.shipper.is_running)


def _lost(before: tuple[int, int, int], now: tuple[int, int, int]) -> Cause | None:
    rejected, set_aside, dropped = (later - earlier for later, earlier in zip(now, before, strict=True))
    if rejected:
        return Cause(
            problem="the collector took the request and rejected what was in it",
            remedy="its reason is in the WARNING of the logger otel_ia, and in its own log",
        )
    if set_aside:
        return Cause(
            problem="the collector refused it for good",
            remedy="its reason is in the WARNING of the logger otel_ia; `otel-ia spool` lists what was set aside",
        )
    if dropped:
        return Cause(
            problem="the spool had to drop telemetry meanwhile",
            remedy="change `spool_size` (OTEL_IA_SPOOL_SIZE), or look why so much waits with `otel-ia spool`",
            setting="spool_size",
        )
    return None


def _warnings(chain: Chain, underway: Mapping[Signal, _Underway]) -> Iterator[Cause | None]:
    is_skew_known = False
    for signal in underway:
        outbox, destination = chain.outboxes[signal], chain.destinations[signal]
        yield cause_of_spool(outbox.spool.trouble)
        if os.getpid() != chain.process:
            is_running = outbox.shipper.is_running
            yield cause_of_fork(parent=chain.process, protocol=destination.protocol, is_running=is_running)
        if not is_skew_known and destination.protocol != "grpc" and destination.endpoint is not None:
            is_skew_known = True
            yield cause_of_skew(look_at(signal, destination, _LOOK).skew, "the collector")


def _read_back(report: SignalReport, read: Read) -> SignalReport:
    if read.is_found:
        return replace(report, is_found=True, found_after=read.after)
    causes = (read.cause,) if read.cause is not None else ()
    return replace(report, state="failed", is_found=False, causes=causes)
