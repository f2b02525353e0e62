"""Any Python object as a legal, bounded OpenTelemetry attribute value.

No code of an unknown object is ever run: neither `repr` nor `str`, `len`, iteration or attribute access.
What comes out:

| in | out |
| --- | --- |
| `str` | the text; lone surrogates become U+FFFD, over 16,384 characters it is cut and ends in `…` |
| `bool`, `float` (NaN and infinities too), `int` of 64 bits | itself, as the built-in type |
| longer `int` | its decimal text; over 2,048 bits `<int of N bits>` |
| `bytes`, `bytearray` | text, decoded as UTF-8 with `\\xNN` for what is none |
| enumeration | its value where that is text or a number, else `Class.NAME` |
| list, tuple, set of one legal type, up to 128 items | a tuple, of long texts the first; ints beside floats as such |
| any other list, tuple, set, dict | as Python writes it: 128 items a level, 6 levels, in all 700 numbers or 64 arrays |
| array, tensor, data frame | `ndarray(shape=(32, 784), dtype=float32, device=cpu)`, never contents |
| path, UUID, date, decimal, class, function | its text or its qualified name |
| `None` | nothing: the attribute is left out |
| anything else | `<module.Class>` |
"""

from otel_ia.values.allowance import Allowance
from otel_ia.values.origin import qualified_name
from otel_ia.values.rendering import (
    ATTRIBUTE_LIMIT,
    DEPTH_LIMIT,
    INTEGER_TEXT_BITS,
    ITEM_LIMIT,
    Scalar,
    Value,
    attributes,
    legal,
    legal_within,
)
from otel_ia.values.texts import KEY_LIMIT, TEXT_LIMIT, text

__all__ = [
    "ATTRIBUTE_LIMIT",
    "DEPTH_LIMIT",
    "INTEGER_TEXT_BITS",
    "ITEM_LIMIT",
    "KEY_LIMIT",
    "TEXT_LIMIT",
    "Allowance",
    "Scalar",
    "Value",
    "attributes",
    "legal",
    "legal_within",
    "qualified_name",
    "text",
]
