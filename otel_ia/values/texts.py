"""Texts that any encoder takes, and how long they may be."""

from typing import Final

TEXT_LIMIT: Final = 16_384
"""Characters of a text value."""
KEY_LIMIT: Final = 256
"""Characters of an attribute's key."""


def text(value: str, limit: int = TEXT_LIMIT) -> str:
    """The text as an exact `str`, encodable as UTF-8, of at most `limit` characters."""
    exact = str.__str__(value)
    if len(exact) > limit:
        exact = exact[: limit - 1] + "…"
    if exact.isascii():
        return exact
    try:
        exact.encode()
    except UnicodeEncodeError:
        return exact.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
    return exact
