"""Values themselves, and what a function of the user's makes of them, where somebody asks for either."""

import threading
from typing import Any, Final

from otel_ia import values
from otel_ia.callbacks import answer_of
from otel_ia.capture.parts import Parts, part_key
from otel_ia.capture.records import read_fields
from otel_ia.values.origin import dict_inside

ANSWERS: Final = 16
"""Entries of a mapping that a function of the user's gives."""
_RAISED: Final = "capture=%(function)s raised %(error)s: nothing is captured of %(about)s; said once"
_asking: Final = threading.local()
"""Or a function that calls what it is to capture would be asked of ever more calls."""


def put_value(value: Any, found: Any, parts: Parts, into: dict[str, Any], allowance: values.Allowance) -> None:
    """Puts the value there as `otel_ia.values` renders it, a record as its fields; of what it knows not, the type."""
    name, content = found.name, value
    if found.fields:
        content = read_fields(value, found.fields)
    elif found.keeps_dict and (kept := dict_inside(value)) is not None:
        content = kept
    shown = values.legal_within(content, allowance)
    if shown is None or (type(shown) is str and shown == f"<{name}>"):
        into[parts.type] = name
    else:
        into[parts.value] = shown


def ask(function: Any, parts: Parts, value: Any) -> tuple[object] | None:
    """The function's answer; nothing where it raises, or calls something that is captured by asking again."""
    if getattr(_asking, "is_under_way", False):
        return (None,)
    _asking.is_under_way = True
    try:
        return answer_of(function, (parts.name, value), _RAISED, parts.subject)
    finally:
        _asking.is_under_way = False


def put_answer(answer: Any, parts: Parts, into: dict[str, Any], allowance: values.Allowance) -> None:
    """Puts the answer there: a mapping entry by entry."""
    if issubclass(type(answer), dict):
        for part, said in values.attributes(answer, most=ANSWERS, allowance=allowance).items():
            into[part_key(parts, part)] = said
    elif (shown := values.legal_within(answer, allowance)) is not None:
        into[parts.value] = shown
