"""Which samplers need not be asked, because their answer is known beforehand."""

from dataclasses import dataclass, replace
from typing import Final

from opentelemetry.context import Context
from opentelemetry.sdk.trace import sampling
from opentelemetry.sdk.trace.sampling import Decision, ParentBased, ParentBasedTraceIdRatio, Sampler, StaticSampler
from opentelemetry.sdk.trace.sampling import TraceIdRatioBased as Ratio
from opentelemetry.trace import NonRecordingSpan, SpanContext, TraceFlags, set_span_in_context

from otel_ia.sdk.shares import RuleSampler, Share

_ANSWERS: Final = {Decision.RECORD_AND_SAMPLE: True, Decision.DROP: False}
_DEFAULT: Final[Sampler] = sampling.DEFAULT_ON
_OF_PARENTS: Final = _DEFAULT.get_description().partition("root:AlwaysOnSampler")[2]


@dataclass(frozen=True, slots=True)
class Known:
    """For each kind of parent, whether its child is sampled (and recorded); `None` where the sampler is to be asked."""

    root: bool | None = None
    sampled: bool | None = None
    unsampled: bool | None = None


def known_answers(sampler: Sampler) -> Known:  # noqa: PLR0911 - one for each kind of sampler
    """What this sampler answers whatever it is asked.

    Known are the SDK's constant samplers, and its parent-based ones with nothing else inside but its own. A class
    derived from one of them may decide differently, so types are compared exactly.
    """
    if type(sampler) is RuleSampler:
        return replace(known_answers(sampler.below), root=None)
    if type(sampler) is StaticSampler:
        answer = _ask(sampler, Context())
        return Known(answer, answer, answer)
    if type(sampler) not in (ParentBased, ParentBasedTraceIdRatio):
        return Known()
    parts = getattr(sampler, "__dict__", {"unknown": None}).values()
    if not all(type(part) in (StaticSampler, Ratio, Share) for part in parts):
        return Known()
    if not sampler.get_description().endswith(_OF_PARENTS):
        return Known()
    answers = {(remote, flags): _ask(sampler, _within(flags, remote=remote)) for remote in (0, 1) for flags in (0, 1)}
    if (answers[0, 1], answers[1, 1], answers[0, 0], answers[1, 0]) != (True, True, False, False):
        return Known()
    is_constant = all(type(part) is StaticSampler for part in parts)
    return Known(_ask(sampler, Context()) if is_constant else None, sampled=True, unsampled=False)


def _ask(sampler: Sampler, parent: Context) -> bool | None:
    return _ANSWERS.get(sampler.should_sample(parent, 1, "").decision)


def _within(flags: int, *, remote: int) -> Context:
    context = SpanContext(1, 1, is_remote=bool(remote), trace_flags=TraceFlags(flags))
    return set_span_in_context(NonRecordingSpan(context), Context())
