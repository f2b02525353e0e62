"""The attributes that one argument or result may have, named once."""

from typing import Any, Final

from otel_ia import semconv, values

NAME_LIMIT: Final = 64
"""Characters of an argument's name."""

PARTS: Final = (
    *("type", "shape", "dtype", "device", "bytes", "length", "columns", "fields", "value"),
    *("nan", "inf", "min", "mean", "max"),
)
"""What is said of a value; `otel_ia.semconv` tells of each."""


class Parts:
    """The keys of the attributes of one argument or result: `subject`, a dot, the part."""

    __slots__ = (*PARTS, "name", "subject")

    type: str
    shape: str
    dtype: str
    device: str
    bytes: str
    length: str
    columns: str
    fields: str
    value: str
    nan: str
    inf: str
    min: str
    mean: str
    max: str

    def __init__(self, name: str, subject: str) -> None:
        self.name = name
        self.subject = subject
        for part in PARTS:
            setattr(self, part, f"{subject}.{part}")

    def __reduce__(self) -> Any:
        return Parts, (self.name, self.subject)


def part_key(parts: Parts, part: str) -> str:
    """The attribute of a part that a function of the user's has named."""
    return f"{parts.subject}.{values.text(part, NAME_LIMIT)}"


def parts_of_argument(name: str) -> Parts:
    """The attributes of the argument of this name."""
    return Parts(name, f"{semconv.ARGUMENT}.{values.text(name, NAME_LIMIT) or '_'}")


RESULT: Final = "return"
"""What the result goes by where names are given: no argument can have this one."""
RESULT_PARTS: Final = Parts(RESULT, semconv.RESULT)
SCRATCH: Final = Parts("", "")
"""For a view whose attributes nobody keeps."""
