"""Where encoded spans go."""

import itertools
from collections.abc import Callable
from typing import Final, Protocol

from opentelemetry.sdk.util.instrumentation import InstrumentationScope

from otel_ia.delivery.spooling.frames import START
from otel_ia.delivery.wire.primitives import varint
from otel_ia.forks import begun_anew

KNOWN_SCOPES: Final = 1_024
"""Scopes whose prefix is kept at hand."""


class Sink(Protocol):
    """Takes spans as OTLP messages, each behind the prefix of its instrumentation scope. Never raises, never waits."""

    def scope(self, encoded: bytes, /) -> bytes:
        """The prefix for spans of this scope (`wire_requests.encode_scope`): the same one whenever it is asked."""

    def begun(self, span_id: int, payload: bytes, /) -> None:
        """A span that may take long has begun. If the process dies before `settled`, this is what is known of it."""

    def settled(self, span_id: int, /) -> None:
        """A span that was announced by `begun` is over; `ended` follows."""

    @property
    def ended(self) -> Callable[[int, bytes], None]:
        """Takes a span that has ended, as a frame of this kind (`otel_ia.delivery.spooling.frames`)."""


class Prefixes:
    """The prefixes of the scopes that come from the SDK's processors, as `encode` makes them."""

    def __init__(self, sink: Sink, encode: Callable[[InstrumentationScope | None], bytes]) -> None:
        self._sink = sink
        self._encode = encode
        self._known: dict[InstrumentationScope | None, bytes] = {}

    def of(self, scope: InstrumentationScope | None) -> bytes:
        """The prefix of this scope, asked of the sink when it is new."""
        prefix = self._known.get(scope)
        if prefix is None:
            if len(self._known) >= KNOWN_SCOPES:
                self._known.clear()
            prefix = self._known[scope] = self._sink.scope(self._encode(scope))
        return prefix


class SpoolSink:
    """Hands spans to a spool, which asks it for the open ones: made before the spool, and then connected to it."""

    def __init__(self) -> None:
        self._prefixes: Final[dict[bytes, bytes]] = {}
        self._numbers = itertools.count(1)
        self._open: Final[dict[int, bytes]] = {}
        self.connect(lambda _kind, _payload: None, lambda _payload: None)
        _all.add(self)

    def connect(self, append: Callable[[int, bytes], None], define_scope: Callable[[bytes], None]) -> None:
        """From now on frames go to this spool's `append` and `define_scope`."""
        self._append = append
        self._define_scope = define_scope
        self.ended: Callable[[int, bytes], None] = append  # no call in between, not even a `partial`'s: 20 ns

    def open_frames(self) -> list[tuple[int, bytes]]:
        """The frames of spans that have begun and not ended. Takes no lock."""
        return [(START, payload) for payload in list(self._open.values())]

    def scope(self, encoded: bytes, /) -> bytes:
        prefix = self._prefixes.get(encoded)
        if prefix is None:
            # Without a lock, which a fork could leave taken: two threads that come at once define it twice, alike.
            prefix = self._prefixes.setdefault(encoded, varint(next(self._numbers)))
            self._define_scope(prefix + encoded)
        return prefix

    def begun(self, span_id: int, payload: bytes, /) -> None:
        self._open[span_id] = payload
        self._append(START, payload)

    def settled(self, span_id: int, /) -> None:
        self._open.pop(span_id, None)

    def forget_open(self) -> None:
        """In a forked child: what is open is open in the parent."""
        self._open.clear()


_all: Final = begun_anew(SpoolSink.forget_open)
