"""Texts that any encoder takes, and how long they may be."""

import functools
import re
from typing import Final

TEXT_LIMIT: Final = 16_384
"""Characters of a text value."""
KEY_LIMIT: Final = 256
"""Characters of an attribute's key."""
_PAIR: Final = re.compile("[\ud800-\udbff][\udc00-\udfff]")


def text(value: str, limit: int = TEXT_LIMIT) -> str:
    """The text as an exact `str`, encodable as UTF-8, of at most `limit` characters.

    Pairs of surrogates become the characters that they stand for, lone ones U+FFFD.
    """
    exact = str.__str__(value)
    if len(exact) > limit:
        exact = exact[: limit - 1] + "…"
    if exact.isascii():
        return exact
    try:
        exact.encode()
    except UnicodeEncodeError:
        return _without_surrogates(exact)
    return exact


def _without_surrogates(given: str) -> str:
    """In less than a millisecond whatever is in it: codecs ask Python for each surrogate, which takes five."""
    if _PAIR.search(given):
        import json  # most programs never come here

        given = json.loads(json.dumps(given))
    if "?" in given:
        return given.translate(_replacements())
    return given.encode("utf-8", "replace").decode().replace("?", "\ufffd")


@functools.cache
def _replacements() -> dict[int, int]:
    return dict.fromkeys(range(0xD800, 0xE000), 0xFFFD)
