"""An answer that comes in chunks, handed on as it comes."""

from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any, Generic, Self, TypeVar

T = TypeVar("T")


class Stream(Generic[T]):
    """The chunks of a stream, sync or async as the stream itself is; `note` is told of each and none is kept.

    No generator, for an event loop would want to close it. What else the stream can do is there too.
    """

    __slots__ = ("_chunks", "_iterator", "_note")

    def __init__(self, chunks: Any, note: Callable[[object], object]) -> None:
        self._chunks = chunks
        self._note = note
        self._iterator: Any = None

    def __iter__(self) -> Iterator[T]:
        self._iterator = iter(self._chunks)
        return self

    def __next__(self) -> T:
        if self._iterator is None:
            self._iterator = iter(self._chunks)
        chunk: T = next(self._iterator)
        self._note(chunk)
        return chunk

    def __aiter__(self) -> AsyncIterator[T]:
        self._iterator = aiter(self._chunks)
        return self

    async def __anext__(self) -> T:
        if self._iterator is None:
            self._iterator = aiter(self._chunks)
        chunk: T = await anext(self._iterator)
        self._note(chunk)
        return chunk

    def __enter__(self) -> Self:
        self._chunks = self._chunks.__enter__()
        return self

    def __exit__(self, *how: object) -> Any:
        return self._chunks.__exit__(*how)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._chunks, name)
