"""What each new segment begins with, so that its frames can be read without those before it."""

from collections.abc import Callable, Iterable

from otel_ia.delivery.spooling.frames import HEAD_SIZE, SCOPE, encode_frame
from otel_ia.guard import guarded


class Heading:
    """The scopes that frames refer to, and what `open_frames` says is still open."""

    def __init__(self, open_frames: Callable[[], Iterable[tuple[int, bytes]]]) -> None:
        self._encode_open = guarded(lambda: [encode_frame(kind, payload) for kind, payload in open_frames()])
        self._scopes: list[bytes] = []

    def define_scope(self, payload: bytes) -> None:
        """From now on this scope is among them."""
        self._scopes.append(encode_frame(SCOPE, payload))

    @property
    def scopes(self) -> tuple[bytes, ...]:
        """The payloads of all SCOPE frames."""
        return tuple(frame[HEAD_SIZE:] for frame in self._scopes)

    @property
    def has_open(self) -> bool:
        """Whether anything is still open."""
        return bool(self._encode_open())

    def encode(self) -> bytes:
        """All of it, as frames."""
        return b"".join((*self._scopes, *(self._encode_open() or ())))
