"""What dead processes left, as far as this one has taken it over."""

from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

from otel_ia.delivery.spooling.adopted import Adopted, SpanKey, TimeOf
from otel_ia.delivery.spooling.batch import Batch
from otel_ia.delivery.spooling.counters import Counters
from otel_ia.delivery.spooling.holding import Encode
from otel_ia.delivery.spooling.ownership import FileKey
from otel_ia.delivery.spooling.recovery import MOST_AT_ONCE, scan


class Estate:
    """The adopted segments of one destination, the oldest first. `find_directory` raises OSError if there is none."""

    def __init__(  # noqa: PLR0913 - keyword-only, from one caller
        self,
        find_directory: Callable[[], Path],
        *,
        fingerprint: bytes,
        span_key: SpanKey | None,
        time_of: TimeOf | None,
        encode: Encode | None,
        counters: Counters,
    ) -> None:
        self._find_directory = find_directory
        self._fingerprint = fingerprint
        self._span_key = span_key
        self._time_of = time_of
        self._encode = encode
        self._counters = counters
        self._adopted: list[Adopted] = []
        self._postponed: set[FileKey] = set()
        """What waits for living processes to decide on it; the next `scan` looks at it again."""
        self._told: set[FileKey] = set()
        """What has told living processes something; it does so again each time it is read."""
        self._has_told = False
        self.is_more_left = False

    def __len__(self) -> int:
        return len(self._adopted)

    def __iter__(self) -> Iterator[Adopted]:
        return iter(tuple(self._adopted))

    def scan(self) -> int | None:
        """Adopts more; how many that was, or None while another process or thread is at it. Never raises.

        Where it is more than is adopted at once, `is_more_left`.
        """
        self._postponed.clear()
        self._told.clear()
        return self._scan()

    def _scan(self) -> int | None:
        try:
            directory = self._find_directory()
        except OSError:
            return 0
        found = scan(
            directory,
            self._fingerprint,
            span_key=self._span_key,
            time_of=self._time_of,
            encode=self._encode,
            counters=self._counters,
            leaving=self._postponed,
        )
        if found is None:
            return None
        self._adopted += found
        self.is_more_left = len(found) >= MOST_AT_ONCE
        return len(found)

    def read(self, limit_bytes: int, limit_frames: int) -> Batch | None:
        """The oldest frames that are not acknowledged; None when there are none.

        Of what is left over by a `scan`, more is adopted when all before is done with.
        """
        while True:
            for adopted in self:
                batch = _read(adopted, limit_bytes, limit_frames)
                if adopted.has_told and adopted.key not in self._told:
                    self._told.add(adopted.key)
                    self._has_told = True
                if adopted.is_postponed:
                    self._postponed.add(adopted.key)
                if batch is not None:
                    return batch
                if adopted.is_closed:
                    self.remove(adopted)
            is_told, self._has_told = self._has_told, False
            if is_told and self._postponed:  # what it waited for may have been in what was adopted with it
                self._postponed.clear()
            elif not self.is_more_left:
                return None
            if not self._scan():
                return None

    def remove(self, adopted: Adopted) -> None:
        """Takes it from the disk, whoever adopted it."""
        with suppress(ValueError):
            self._adopted.remove(adopted)
        adopted.remove()

    def close(self) -> None:
        """Leaves what is not acknowledged to others. Idempotent."""
        for adopted in self._adopted:
            adopted.close()
        self._adopted = []
        self._postponed.clear()
        self._told.clear()
        self.is_more_left = False


def _read(adopted: Adopted, limit_bytes: int, limit_frames: int) -> Batch | None:
    if not adopted.lease.acquire(blocking=False):  # given up at this moment
        return None
    try:
        return adopted.read(limit_bytes, limit_frames)
    finally:
        adopted.lease.release()
