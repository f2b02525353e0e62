"""What a spool needs done now and then, on the shipper's thread, because it takes a disk."""

import time
from contextlib import suppress
from typing import Final

from otel_ia.delivery.spooling.estate import Estate
from otel_ia.delivery.spooling.limits import drop_expired
from otel_ia.delivery.spooling.losses import Losses
from otel_ia.delivery.spooling.maker import Maker
from otel_ia.delivery.spooling.warming import Warming
from otel_ia.delivery.spooling.writer import Writer

LOOK_EVERY: Final = 1.0
EXPIRE_EVERY: Final = 60.0


class Upkeep:
    """Knows when each thing was last done."""

    def __init__(
        self,
        *,
        writer: Writer,
        maker: Maker,
        losses: Losses,
        estate: Estate,
        age_limit: float,
    ) -> None:
        self._writer = writer
        self._maker = maker
        self._losses = losses
        self._estate = estate
        self._age_limit = age_limit
        self._warming = Warming()
        self.begin()

    def begin(self) -> None:
        """Nothing was done yet: at first, and in a forked child."""
        self._look_at = self._expire_at = 0.0

    def finish(self) -> None:
        """Does what is due before the end. Never raises."""
        self._writer.next.is_wanted = False  # nothing follows: what is kept need not make room for it
        self._look_at = 0.0
        self.work()

    def work(self) -> None:
        """Does what is due. Never raises."""
        self._writer.prepare()
        self._losses.record()
        succession = self._writer.next
        try:
            self._look_after_segments()
        except ValueError:  # a segment was dropped and closed meanwhile
            return
        except OSError as error:
            if succession is self._writer.next:  # not in a child that a signal handler forked in the middle
                succession.tell_once(f"the spool's directory cannot be looked after: {error.strerror}")

    def _look_after_segments(self) -> None:
        for segment in self._writer.segments():
            if segment.lease.acquire(blocking=False):  # given up by another thread its descriptor may be any file's
                try:
                    if segment is self._writer.current:
                        segment.look_after()
                    else:
                        segment.trim()
                finally:
                    segment.lease.release()
        self._warming.warm(self._writer.current)
        now = time.monotonic()
        if now >= self._look_at:
            self._look_at = now + LOOK_EVERY
            self._look_for_segments()
        if now >= self._expire_at:
            self._expire_at = now + EXPIRE_EVERY
            self._expire(now)

    def _look_for_segments(self) -> None:
        """A segment that others no longer find gets a file again, where every frame of it keeps its place."""
        for segment in self._writer.segments():
            if segment.descriptor >= 0 and not segment.is_in_place():
                if segment is self._writer.current:
                    self._writer.leave_current()
                if segment is not self._writer.current and segment.lease.acquire(blocking=False):
                    try:
                        self._maker.make_again(segment)
                    finally:
                        segment.lease.release()

    def _expire(self, now: float) -> None:
        """What this process holds has an age that no clock makes that is set."""
        for segment in self._writer.segments():
            if segment.sealed_at is not None and now - segment.sealed_at > self._age_limit:
                self._losses.give_up(segment, "age")
        for adopted in self._estate:
            if adopted.age > self._age_limit:
                self._losses.give_up(adopted, "age")
        with suppress(OSError):  # nothing was ever written, or the writer has told of it
            drop_expired(self._maker.directory, self._age_limit, self._losses)
