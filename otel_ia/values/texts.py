"""Texts that any encoder takes, and how long they may be."""

import functools
import re
from typing import Final

from otel_ia.values.allowance import Allowance

TEXT_LIMIT: Final = 16_384
"""Characters of a text value."""
KEY_LIMIT: Final = 256
"""Characters of an attribute's key."""
_PLAIN: Final = 13
_ENCODED: Final = 10
_REPLACED: Final = 3
"""Two to the power of these characters take a unit of an allowance: in ASCII, in others, among surrogates."""
_PAIR: Final = "[\ud800-\udbff][\udc00-\udfff]"
"""Compiled when one comes, which takes 0.4 ms."""


def text(value: str, limit: int = TEXT_LIMIT) -> str:
    """The text as an exact `str`, encodable as UTF-8, of at most `limit` characters.

    Pairs of surrogates become the characters that they stand for, lone ones U+FFFD.
    """
    exact = str.__str__(value)
    is_short = len(exact) <= limit
    if exact.isascii():
        return exact if is_short else exact[: limit - 1] + "…"
    if not is_short:
        exact = exact[: limit - 1] + "…"
    try:
        exact.encode()
    except UnicodeEncodeError:
        return _without_surrogates(exact)
    return exact


def text_within(value: str, allowance: Allowance, limit: int = TEXT_LIMIT) -> str:
    """The same, and shorter where it has surrogates and there is too little left for all of them."""
    exact = str.__str__(value)
    most = min(len(exact), limit)
    allowance.left -= 1 + (most >> (_PLAIN if exact.isascii() else _ENCODED))
    if not exact.isascii():
        start = exact if len(exact) <= limit else exact[: limit - 1] + "…"
        try:
            start.encode()
        except UnicodeEncodeError:
            limit = max(1, min(limit, allowance.left << _REPLACED))
            allowance.left -= min(len(exact), limit) >> _REPLACED
        else:
            return start
    return text(exact, limit)


def _without_surrogates(given: str) -> str:
    """In less than a millisecond whatever is in it: codecs ask Python for each surrogate, which takes five."""
    if re.search(_PAIR, given):
        import json  # most programs never come here

        given = json.loads(json.dumps(given))
    if "?" in given:
        return given.translate(_replacements())
    return given.encode("utf-8", "replace").decode().replace("?", "\ufffd")


@functools.cache
def _replacements() -> dict[int, int]:
    return dict.fromkeys(range(0xD800, 0xE000), 0xFFFD)
