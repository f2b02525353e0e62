"""Consistent probability sampling beside the SDK's own, and what it makes of calls and of foreign spans."""

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st
from opentelemetry import trace
from opentelemetry.context import Context
from opentelemetry.sdk.trace._sampling_experimental import composable_traceid_ratio_based, composite_sampler
from opentelemetry.sdk.trace.sampling import ALWAYS_OFF, ParentBased
from opentelemetry.trace import NonRecordingSpan, SpanContext, TraceFlags, TraceState, set_span_in_context
from receiver import Receiver

import otel_ia
from otel_ia import SettingError, monitor
from otel_ia.sdk.shares import RuleSampler, Share, read_rule, share_of

ratios = st.floats(0, 1) | st.sampled_from([0.0, 1.0, 0.1, 0.25, 2**-56, 2**-57, 1 - 2**-53])
members = st.sampled_from(["th:8", "th:0", "x:y", "k1:13"])
states = st.none() | st.builds(
    lambda ot, other: TraceState([("ot", ";".join(dict.fromkeys(ot))), ("v", "1")][: 1 + other]),
    st.lists(members, min_size=1),
    st.booleans(),
)


@given(ratio=ratios, trace_id=st.integers(1, 2**128 - 1), state=states)
def test_it_decides_and_says_what_the_sdks_experimental_sampler_does(
    ratio: float, trace_id: int, state: TraceState | None
) -> None:
    theirs = composite_sampler(composable_traceid_ratio_based(ratio)).should_sample(
        None, trace_id, "", None, None, None, state
    )
    ours = Share(ratio).should_sample(None, trace_id, "", None, None, None, state)
    assert ours.decision is theirs.decision
    if ours.decision.is_sampled():  # else theirs leaves a parent's threshold where it has nothing else to say
        assert _said(ours.trace_state) == _said(theirs.trace_state)
    else:
        assert not any(member.startswith("th:") for member in _said(ours.trace_state).get("ot", ()))


def _said(state: TraceState | None) -> dict[str, set[str]]:
    found = {key: set(value.split(";")) - {""} for key, value in (state or {}).items()}
    return {key: value for key, value in found.items() if value}


@given(ratio=ratios, trace_id=st.integers(1, 2**128 - 1))
def test_the_bytes_of_an_id_decide_as_its_number(ratio: float, trace_id: int) -> None:
    share = Share(ratio)
    is_sampled = share.should_sample(None, trace_id, "").decision.is_sampled()
    assert (trace_id.to_bytes(16, "big")[9:] >= share.least) is is_sampled


def test_a_child_has_the_trace_state_of_its_parent() -> None:
    parent = SpanContext(1, 2, is_remote=True, trace_flags=TraceFlags(1), trace_state=TraceState([("ot", "th:8;a:b")]))
    context = set_span_in_context(NonRecordingSpan(parent), Context())
    result = Share(0.25).should_sample(context, 2**56 - 1, "child")
    assert result.trace_state is not None
    assert result.trace_state["ot"] == "th:c;a:b"


@monitor
def stage() -> None:
    pass


@monitor(sample=0.25)
def predict() -> None:
    stage()


@monitor("told", sample=0.25, slow_after=60)
def predict_with_lines() -> None:
    stage()


def test_a_share_of_the_calls_that_begin_a_trace_is_recorded_with_all_that_is_inside(receiver: Receiver) -> None:
    with otel_ia.configure(endpoint=receiver.endpoint):
        for _ in range(2_000):
            predict()
            predict_with_lines()
    counts = Counter(span.name for span in receiver.spans)
    assert 380 < counts["predict"] < 620  # six standard deviations
    assert 380 < counts["told"] < 620
    assert counts["stage"] == counts["predict"] + counts["told"]
    assert {span.trace_state for span in receiver.spans} == {"ot=th:c"}
    for span in receiver.spans:
        assert span.trace_id[9:] >= bytes([0xC0, 0, 0, 0, 0, 0, 0])


def test_inside_of_a_trace_a_call_follows_it(receiver: Receiver) -> None:
    with otel_ia.configure(endpoint=receiver.endpoint):
        with monitor("request"):
            predict()
        with monitor("left out", sample=0.0):
            predict()
            stage()
    assert sorted(span.name for span in receiver.spans) == ["predict", "request", "stage"]
    assert {span.trace_state for span in receiver.spans} == {""}


def test_attributes_events_and_errors_of_a_share_arrive_with_its_trace_state(receiver: Receiver) -> None:
    @monitor("rich", sample=1.0, attributes={"fixed": 1})
    def rich() -> None:
        trace.get_current_span().set_attribute("own", 2)
        trace.get_current_span().add_event("seen")
        raise ValueError("no")

    @monitor("stream", sample=1.0)
    def stream():
        yield 1

    @monitor("replacing", sample=1.0, attributes={"fixed": 1})
    def replacing() -> None:
        trace.get_current_span().set_attribute("fixed", 2)

    with otel_ia.configure(endpoint=receiver.endpoint):
        with pytest.raises(ValueError, match="no"):
            rich()
        assert list(stream()) == [1]
        replacing()
    assert {(span.name, span.trace_state) for span in receiver.spans} == {
        ("rich", "ot=th:0"),
        ("stream", "ot=th:0"),
        ("replacing", "ot=th:0"),
    }
    assert [event.name for event in receiver.span("rich").events] == ["seen", "exception"]
    assert [event.name for event in receiver.span("stream").events] == ["ia.stream.first_item"]


def test_metrics_count_each_call_whatever_is_sampled(receiver: Receiver) -> None:
    with otel_ia.configure(endpoint=receiver.endpoint, metrics_exporter="otlp"):
        for _ in range(50):
            predict()
    points = receiver.last_points("ia.call.duration")
    assert {point.count for point in points.values()} == {50}


def test_the_first_rule_that_fits_holds_before_the_call_site_and_the_sampler(receiver: Receiver) -> None:
    @monitor("named", sample=1.0)
    def named() -> None:
        stage()

    @monitor("modelled", model="tiny-1")
    def modelled() -> None:
        stage()

    rules = {"GET /health*": 0, "named": 0, "@ia.model.name=tiny*": 0, "block@user.tier=free": 0.0, "*@batch=true": 0}
    with otel_ia.configure(endpoint=receiver.endpoint, sampling_rules=rules):
        tracer = trace.get_tracer("web")
        for name in ("GET /healthz", "GET /predict"):
            with tracer.start_as_current_span(name):
                stage()
        named()
        modelled()
        for tier in ("free", "paid"):
            with monitor("block", attributes={"user.tier": tier}):
                pass
        with monitor("late", attributes={"batch": True}):
            pass
    assert sorted(span.name for span in receiver.spans) == ["GET /predict", "block", "stage"]


def test_rules_hold_for_roots_alone(receiver: Receiver) -> None:
    with otel_ia.configure(endpoint=receiver.endpoint, sampling_rules="stage=0"), monitor("request"):
        stage()
    assert sorted(span.name for span in receiver.spans) == ["request", "stage"]


def test_the_ratio_samplers_say_their_share_too(receiver: Receiver) -> None:
    for sampler in ("parentbased_traceidratio", "traceidratio"):
        with otel_ia.configure(endpoint=receiver.endpoint, sampler=sampler, sampler_arg=0.5):
            for _ in range(400):
                with monitor("request"):
                    stage()
    names = Counter(span.name for span in receiver.spans)
    assert names["request"] == names["stage"]
    assert 280 < names["request"] < 520
    assert {span.trace_state for span in receiver.spans} == {"ot=th:8"}


def test_a_sampler_of_ones_own_decides_what_no_rule_speaks_of(receiver: Receiver) -> None:
    with otel_ia.configure(endpoint=receiver.endpoint, sampler=ParentBased(ALWAYS_OFF), sampling_rules={"kept": 1}):
        with monitor("kept"):
            stage()
        with monitor("other"):
            stage()
    assert sorted(span.name for span in receiver.spans) == ["kept", "stage"]


@pytest.mark.parametrize("wrong", [-0.1, 1.1, True, "0.5", float("nan")])
def test_a_wrong_share_is_a_clear_error(wrong: object) -> None:
    with pytest.raises(SettingError, match="sample"):
        monitor(sample=wrong)  # type: ignore[arg-type]


def test_a_share_with_another_librarys_sampler_is_said_in_its_description() -> None:
    sampler = RuleSampler([read_rule("GET *@a=b", 0.5)], ALWAYS_OFF, share_of(0.1))
    assert sampler.get_description() == "RuleSampler{GET *=0.5,Share{0.1}}"
