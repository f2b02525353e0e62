"""What waits in a spool, in groups that share their service, destination and state, and why it waits."""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache, partial
from pathlib import Path
from typing import Final, Literal

from google.protobuf.message import DecodeError  # type: ignore[import-untyped]
from opentelemetry.proto.trace.v1.trace_pb2 import ResourceSpans

from otel_ia.configuration.settings import Destination, Settings
from otel_ia.delivery.payloads import span_key
from otel_ia.delivery.shipping.destination import Signal
from otel_ia.delivery.spooling.listing import SegmentInfo, describe
from otel_ia.sdk.outbox import fingerprint
from otel_ia.semconv import SERVICE_NAME

State = Literal["alive", "keeping", "undecided", "left", "kept", "foreign", "unaddressed", "refused", "damaged"]

WHY: Final[Mapping[State, str]] = {
    "alive": "a running process delivers it itself, as soon as its collector takes it",
    "keeping": "a running process keeps it; the settings there name no endpoint",
    "undecided": "its process has ended; a running one has yet to decide whether to keep traces that go on in both",
    "left": "its process has ended: `otel-ia spool send` sends it now, else the next process of this service",
    "kept": "its process had no endpoint: `otel-ia spool send --endpoint …` sends it",
    "foreign": "its process has ended; meant for another endpoint or other credentials than the settings here",
    "unaddressed": "its process has ended; the settings here name no endpoint",
    "refused": "a server refused it for good: `otel-ia spool send --refused` offers it again",
    "damaged": "damaged beyond repair",
}
_SIGNALS: Final[Mapping[str, Signal]] = {"span": "traces", "start": "traces", "log": "logs", "metrics": "metrics"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Waiting:
    """Segments of one service, destination and state. `age` is that of the oldest, in seconds; `size` in bytes."""

    service: str
    signal: Signal
    fingerprint: bytes
    state: State
    spans: int
    open_spans: int
    logs: int
    metrics: int
    size: int
    age: float
    processes: tuple[int, ...]
    paths: tuple[Path, ...]

    @property
    def is_alive(self) -> bool:
        """Whether its process still runs."""
        return self.state in {"alive", "keeping"}

    @property
    def why(self) -> str:
        """Why it waits, as far as that can be known from outside."""
        return WHY[self.state]


def find_waiting(directory: Path, settings: Settings) -> list[Waiting]:
    """What waits in the directory, the oldest first. Raises OSError when it cannot be read."""
    mark = cache(lambda service, signal: _mark(getattr(settings, signal), service, signal))
    unaddressed = cache(partial(fingerprint, destination=Destination()))
    groups: dict[tuple[str, Signal, bytes, State], list[SegmentInfo]] = {}
    try:
        segments = describe(directory, span_key=span_key)
    except FileNotFoundError:
        return []
    for segment in segments:
        signal = next((_SIGNALS[kind] for kind in segment.frames if kind in _SIGNALS), None)
        if segment.fingerprint and signal is None:
            continue
        service = service_of(segment.identity)
        signal = signal or "traces"
        state: State = "damaged"
        if segment.fingerprint:
            state = _state(segment, mark(service, signal), unaddressed(service, signal))
        groups.setdefault((service, signal, segment.fingerprint, state), []).append(segment)
    return [_group(*key, segments) for key, segments in groups.items()]


def service_of(identity: bytes) -> str:
    """The service that an encoded resource names; empty when there is none."""
    try:
        resource = ResourceSpans.FromString(identity).resource
    except DecodeError:
        return ""
    return next((pair.value.string_value for pair in resource.attributes if pair.key == SERVICE_NAME), "")


def _mark(destination: Destination, service: str, signal: Signal) -> bytes | None:
    """The fingerprint that the settings would give this service's telemetry; None where they name no endpoint."""
    return fingerprint(service, signal, destination) if destination.endpoint is not None else None


def _state(segment: SegmentInfo, mark: bytes | None, unaddressed: bytes) -> State:
    """By the fingerprints that it would have from the settings here and from settings without an endpoint."""
    if segment.is_refused:
        return "refused"
    if segment.fingerprint == unaddressed:
        return "keeping" if segment.is_alive else "kept"
    if segment.has_to_wait:
        return "undecided"
    if segment.is_alive:
        return "alive"
    if mark is None:
        return "unaddressed"
    return "left" if mark == segment.fingerprint else "foreign"


def _group(service: str, signal: Signal, fingerprint: bytes, state: State, segments: Iterable[SegmentInfo]) -> Waiting:
    segments = list(segments)
    frames: Counter[str] = Counter()
    size = 0
    for segment in segments:
        frames.update(segment.frames)
        size += sum(segment.bytes_by_kind.values()) if segment.fingerprint else segment.size
    return Waiting(
        service=service,
        signal=signal,
        fingerprint=fingerprint,
        state=state,
        spans=frames["span"],
        open_spans=frames["start"],
        logs=frames["log"],
        metrics=frames["metrics"],
        size=size,
        age=max(segment.age for segment in segments),
        processes=tuple(dict.fromkeys(segment.process for segment in segments if segment.process)),
        paths=tuple(segment.path for segment in segments),
    )
