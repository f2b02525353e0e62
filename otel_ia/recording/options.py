"""What can be said of a call site besides its name, and how that is read."""

import functools
from collections.abc import Mapping
from types import FrameType
from typing import TYPE_CHECKING, Any, Final

from otel_ia import semconv, values
from otel_ia.errors import SettingError
from otel_ia.recording.blocks import BlockSites
from otel_ia.recording.callsite import CallSite, LateCallSite
from otel_ia.recording.description import Description
from otel_ia.recording.places import Place

if TYPE_CHECKING:
    from otel_ia.capture.choice import Choice
    from otel_ia.recording.summaries import Reduction

KNOWN_NAMES: Final = 1_024
_NAME_LIMIT: Final = 1_024
_INFINITY: Final = float("inf")


def attributes_of(given: object) -> Mapping[str, values.Value]:
    if type(given) is not dict and not isinstance(given, Mapping):  # the second takes 0.3 µs
        raise SettingError(source="monitor", key="attributes", value=given, expected="a mapping of names to values")
    return values.attributes(given)


def naming(stage: object, model: object, model_version: object) -> dict[str, values.Value]:
    said = (("stage", semconv.STAGE, stage), ("model", semconv.MODEL_NAME, model))
    found: dict[str, values.Value] = {}
    for key, attribute, given in (*said, ("model_version", semconv.MODEL_VERSION, model_version)):
        if given is not None:
            if not isinstance(given, str):
                raise SettingError(source="monitor", key=key, value=given, expected="text")
            found[attribute] = values.text(given)
    return found


def flag_of(given: object) -> bool:
    if not isinstance(given, bool):
        raise SettingError(source="monitor", key="metrics", value=given, expected="true or false")
    return given


def seconds_of(given: object) -> float:
    if isinstance(given, bool) or not isinstance(given, int | float) or not 0 <= given < _INFINITY:
        raise SettingError(source="monitor", key="slow_after", value=given, expected="a number of seconds, 0 or more")
    return float(given)


def share_of(given: object) -> float:
    if isinstance(given, bool) or not isinstance(given, int | float) or not 0 <= given <= 1:
        raise SettingError(source="monitor", key="sample", value=given, expected="a number from 0 to 1")
    return float(given)


class Options:  # a frozen dataclass takes 1 ms of `import otel_ia`
    """What was said of a call site, and the blocks of which it was said, whatever their attributes."""

    __slots__ = ("attributes", "blocks", "choice", "counts", "log", "name", "reduction", "sample", "slow_after")

    def __init__(  # noqa: PLR0913 - from two places of this file
        self,
        name: str | None,
        log: int | None,
        slow_after: float | None,
        counts: bool,
        sample: float | None,
        blocks: BlockSites | None = None,
    ) -> None:
        self.name = name
        self.log: Final = log
        self.slow_after: Final = slow_after
        self.counts: Final = counts
        self.sample: Final = sample
        self.attributes: Mapping[str, values.Value] | None = None
        self.blocks: Final = blocks or BlockSites()
        self.reduction: Reduction | None = None
        self.choice: Choice | None = None

    def __reduce__(self) -> tuple[Any, ...]:
        said = (self.name, self.log, self.slow_after, self.counts, self.sample)
        more = {"attributes": self.attributes, "reduction": self.reduction, "choice": self.choice}
        return Options, said, (None, more)

    def _again(self, blocks: BlockSites | None = None) -> "Options":
        made = Options(self.name, self.log, self.slow_after, self.counts, self.sample, blocks)
        made.attributes, made.reduction, made.choice = self.attributes, self.reduction, self.choice
        return made

    def named(self, name: str | None) -> "Options":
        """The same under another name, for a method of a class."""
        made = self._again()
        made.name = name
        made.choice = self.choice._replace(is_for_class=True) if self.choice is not None else None
        return made

    def describing(self, attributes: Mapping[str, values.Value]) -> "Options":
        """The same with these attributes, for the same blocks."""
        made = self._again(self.blocks)
        made.attributes = attributes
        return made

    def reducing(self, reduction: "Reduction") -> "Options":
        """The same for a generator whose items are reduced."""
        made = self._again()
        made.reduction = reduction
        return made

    def capturing(self, choice: "Choice") -> "Options":
        """The same that captures."""
        made = self._again()
        made.choice = choice
        return made

    def at(self, place: Place, *, with_attributes: bool = True) -> CallSite:
        name = values.text(self.name or place.function.rpartition("<locals>.")[2], _NAME_LIMIT)
        attributes = (self.attributes if with_attributes else None) or {}
        description = Description(name, place, attributes, self.log, self.slow_after, self.counts, self.sample)
        return LateCallSite(description, self.choice)

    def at_block(self, frame: FrameType) -> CallSite | None:
        if self.choice is not None and self.choice.mode != "none":
            hint = "a block has neither arguments nor a result; put `monitor` on a function, or set attributes"
            raise SettingError(source="with monitor", key="capture", expected="possible for a block", hint=hint)
        if self.reduction is not None:
            hint = "a block has no items; put `monitor` on a generator function, or set attributes"
            raise SettingError(source="with monitor", key="reduce", expected="possible for a block", hint=hint)
        return self.blocks.find(frame, functools.partial(self.at, with_attributes=False))


@functools.lru_cache(KNOWN_NAMES)
def known_options(
    name: str | None, log: int | None, slow_after: float | None, counts: bool, sample: float | None
) -> Options:
    return Options(name, log, slow_after, counts, sample)
