"""Consistent probability sampling: which share of all traces is kept, so that backends can count right.

The decision is by the randomness in the trace's id, alike in every process, and the threshold goes along in the trace
state: a span with `ot=th:e666…` stands for ten. See
https://opentelemetry.io/docs/specs/otel/trace/tracestate-probability-sampling/
"""

import functools
from collections.abc import Mapping, Sequence
from fnmatch import fnmatchcase
from typing import Any, Final, NamedTuple

from opentelemetry.context import Context, create_key
from opentelemetry.sdk.trace.sampling import Decision, Sampler, SamplingResult
from opentelemetry.trace import Link, SpanKind, TraceState, get_current_span

from otel_ia.delivery.wire.spans import encode_trace_state

_ALL: Final = 1 << 56
_KEY: Final = "ot"
_LONGEST: Final = 256


class Share(Sampler):
    """Keeps this share of traces, from 0 to 1, and says so in their trace state."""

    def __init__(self, ratio: float) -> None:
        self.ratio: Final = ratio
        self.threshold: Final = _ALL - round(ratio * _ALL)
        is_none = self.threshold == _ALL
        self.least: Final = b"\xff" * 8 if is_none else self.threshold.to_bytes(7, "big")
        """The last seven bytes of a trace's id are at least this if it is kept."""
        self.state: Final = None if is_none else TraceState([(_KEY, self._say())])
        self.encoded: Final = encode_trace_state(self.state)
        """The trace state of a root, as a field of a Span."""

    def should_sample(  # noqa: PLR0913 - the interface of samplers
        self,
        parent_context: Context | None,
        trace_id: int,
        name: str,  # noqa: ARG002
        kind: SpanKind | None = None,  # noqa: ARG002
        attributes: Any = None,
        links: Sequence[Link] | None = None,  # noqa: ARG002
        trace_state: TraceState | None = None,
    ) -> SamplingResult:
        parents = trace_state or get_current_span(parent_context).get_span_context().trace_state
        if trace_id % _ALL < self.threshold:
            return SamplingResult(Decision.DROP, trace_state=_without_threshold(parents))
        return SamplingResult(Decision.RECORD_AND_SAMPLE, attributes, self._with_threshold(parents))

    def get_description(self) -> str:
        return f"Share{{{self.ratio:g}}}"

    def _say(self) -> str:
        return f"th:{self.threshold:014x}".rstrip("0") if self.threshold else "th:0"

    def _with_threshold(self, state: TraceState | None) -> TraceState | None:
        if not state:
            return self.state
        return state.update(_KEY, ";".join([self._say(), *_others(state)])[:_LONGEST])


def _without_threshold(state: TraceState | None) -> TraceState | None:
    if not state or _KEY not in state:
        return state
    others = ";".join(_others(state))
    return state.update(_KEY, others) if others else state.delete(_KEY)


def _others(state: TraceState) -> list[str]:
    members = state.get(_KEY, "").split(";")
    return [member for member in members if member and not member.startswith("th:")]


share_of: Final = functools.lru_cache(64)(Share)
SHARE_KEY: Final = create_key("otel_ia share")
"""Under which a context holds the share that the call site of a span which is to begin wants to be sampled."""


class Rule(NamedTuple):
    """Which traces it speaks of, by name and attributes of their root as it begins, and the share to keep of them."""

    name: str
    """A pattern, `*` and `?` for any characters, upper and lower case told apart."""
    attributes: tuple[tuple[str, str], ...]
    """Keys, and patterns of their values as text."""
    share: Share

    def matches(self, name: str, attributes: Mapping[str, Any]) -> bool:
        """Whether it speaks of a root with this name and these attributes."""
        return fnmatchcase(name, self.name) and all(
            key in attributes and any(fnmatchcase(text, pattern) for text in _texts(attributes[key]))
            for key, pattern in self.attributes
        )

    def may_match(self, name: str, fixed: Mapping[str, Any]) -> bool:
        """Whether it speaks of some root with this name and these attributes among its own."""
        attributes = [(key, pattern) for key, pattern in self.attributes if key in fixed]
        return Rule(self.name, tuple(attributes), self.share).matches(name, fixed)


def read_rule(text: str, ratio: float) -> Rule:
    """The rule that keeps this share of `name@key=value@…`: patterns for the name, where it has one, and the values."""
    name, *attributes = text.split("@")
    parts = [part.partition("=") for part in attributes]
    return Rule(name.strip() or "*", tuple((key.strip(), value.strip()) for key, _, value in parts), share_of(ratio))


def beside(sampler: Sampler, share: Share) -> Sampler:
    """What decides on a root whose call site wants this share, in place of a sampler."""
    return RuleSampler(sampler.rules, share) if type(sampler) is RuleSampler else share


def _texts(value: object) -> list[str]:
    if isinstance(value, bool):
        return ["true" if value else "false"]
    return [text for one in value for text in _texts(one)] if isinstance(value, list | tuple) else [str(value)]


class RuleSampler(Sampler):
    """Decides on roots by the first rule that speaks of them, then by the call site's share, then by one for all.

    What has a parent, and roots that nothing of this speaks of, are for the sampler below to decide.
    """

    def __init__(self, rules: Sequence[Rule], below: Sampler, share: Share | None = None) -> None:
        self.rules: Final = tuple(rules)
        self.below: Final = below
        self.share: Final = share

    def first_rule(self, name: str, fixed: Mapping[str, Any]) -> Rule | None:
        """The first that may speak of roots with this name, and these attributes among their own."""
        return next((rule for rule in self.rules if rule.may_match(name, fixed)), None)

    def should_sample(  # noqa: PLR0913 - the interface of samplers
        self,
        parent_context: Context | None,
        trace_id: int,
        name: str,
        kind: SpanKind | None = None,
        attributes: Any = None,
        links: Sequence[Link] | None = None,
        trace_state: TraceState | None = None,
    ) -> SamplingResult:
        sampler: Sampler = self.below
        if not get_current_span(parent_context).get_span_context().is_valid:
            rule = next((rule for rule in self.rules if rule.matches(name, attributes or {})), None)
            sampler = (rule.share if rule is not None else self.share) or self.below
        return sampler.should_sample(parent_context, trace_id, name, kind, attributes, links, trace_state)

    def get_description(self) -> str:
        known = [f"{rule.name}={rule.share.ratio:g}" for rule in self.rules]
        return f"RuleSampler{{{','.join(known)},{(self.share or self.below).get_description()}}}"
