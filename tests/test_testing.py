"""`record` and the fixture `telemetry`: what a test sees of what it ran."""

import logging
import subprocess
import sys
from pathlib import Path

import pytest
from opentelemetry import trace
from opentelemetry.sdk.trace import Span, SpanProcessor
from receiver import Receiver

import otel_ia
from otel_ia import monitor
from otel_ia.testing import Recording, record

pytest_plugins = ["pytester"]


@monitor
def preprocess() -> None:
    logging.getLogger("stage").warning("cleaning")


@monitor
def infer() -> None:
    """Does nothing."""


@monitor
def request() -> None:
    preprocess()
    infer()


def test_the_tree_has_each_name_followed_by_its_children(telemetry: Recording) -> None:
    request()
    assert telemetry.tree == ["request", ["preprocess", "infer"]]
    infer()
    assert telemetry.tree == ["request", ["preprocess", "infer"], "infer"]
    assert telemetry.names == ["request", "preprocess", "infer", "infer"]


def test_log_records_carry_the_ids_of_their_span(telemetry: Recording) -> None:
    request()
    (line,) = telemetry.logs
    assert line.body == "cleaning"
    assert line.logger == "stage"
    assert line.span_id == telemetry.span("preprocess").span_id
    assert line.trace_id == telemetry.span("request").trace_id


def test_a_span_asked_for_by_name_must_be_the_only_one(telemetry: Recording) -> None:
    infer()
    infer()
    with pytest.raises(LookupError, match="2 spans are named 'infer'"):
        telemetry.span("infer")
    with pytest.raises(LookupError, match="0 spans are named 'absent'; there are infer, infer"):
        telemetry.span("absent")


def test_ids_and_clock_are_the_same_each_time_on_request() -> None:
    seen = []
    for _ in range(2):
        with record(deterministic=True) as recording:
            request()
        seen.append(recording.spans)
    assert [(span.name, span.trace_id, span.span_id, span.start, span.end) for span in seen[0]] == [
        (span.name, span.trace_id, span.span_id, span.start, span.end) for span in seen[1]
    ]
    assert seen[0][-1].span_id == "0000000000000001"


def test_nothing_is_recorded_outside_the_block() -> None:
    with record() as seen:
        pass
    request()
    assert seen.spans == []
    assert not trace.get_tracer("x").start_span("x").is_recording()


def test_recordings_nest_and_the_inner_one_sees() -> None:
    with record() as outer:
        infer()
        with record() as inner:
            infer()
        infer()
    assert len(outer.spans) == 2
    assert len(inner.spans) == 1


def test_a_configuration_is_replaced_for_the_block_and_back_after_it(receiver: Receiver) -> None:
    with otel_ia.configure(endpoint=receiver.endpoint):
        with record() as seen:
            request()
        infer()
    assert len(seen.spans) == 3
    assert [span.name for span in receiver.spans] == ["infer"]
    assert receiver.logs == []


def test_a_program_that_configures_inside_the_block_is_recorded_all_the_same(receiver: Receiver) -> None:
    with record() as seen, otel_ia.configure(endpoint=receiver.endpoint):
        request()
    assert seen.tree == ["request", ["preprocess", "infer"]]
    assert receiver.spans == []


def test_our_own_failures_are_raised_under_it_and_swallowed_without(caplog: pytest.LogCaptureFixture) -> None:
    class Broken(SpanProcessor):
        is_broken = True

        def on_start(self, span: Span, parent_context: object = None) -> None:
            if self.is_broken:
                raise LookupError("broken processor")

    broken = Broken()
    with record():
        trace.get_tracer_provider().add_span_processor(broken)  # type: ignore[attr-defined]
        with pytest.raises(LookupError, match="broken processor"):
            infer()
        broken.is_broken = False


def test_the_fixture_is_there_for_users_without_the_sdk_until_used(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(
        """
        import sys

        def test_nothing_is_loaded():
            assert "opentelemetry.sdk" not in sys.modules

        def test_spans_are_seen(telemetry):
            from otel_ia import monitor
            with monitor("block"):
                pass
            assert telemetry.tree == ["block"]
        """
    )
    done = pytester.runpytest_subprocess("-p", "no:randomly", "-p", "no:cacheprovider")
    done.assert_outcomes(passed=2)


def test_the_fixture_works_beside_xdist(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(
        """
        import pytest
        from otel_ia import monitor

        @pytest.mark.parametrize("number", range(20))
        def test_only_its_own_spans_are_seen(telemetry, number):
            with monitor(f"block {number}"):
                pass
            assert telemetry.tree == [f"block {number}"]
        """
    )
    done = pytester.runpytest_subprocess("-n", "2", "-p", "no:cacheprovider")
    done.assert_outcomes(passed=20)


def test_spans_of_a_foreign_provider_are_seen(tmp_path: Path) -> None:
    program = tmp_path / "program.py"
    program.write_text(
        "from opentelemetry import trace\n"
        "from opentelemetry.sdk.trace import TracerProvider\n"
        "trace.set_tracer_provider(TracerProvider())\n"
        "from otel_ia import monitor\n"
        "from otel_ia.testing import record\n"
        "for _ in range(2):\n"
        "    with record() as seen:\n"
        "        with monitor('block'): pass\n"
        "    assert seen.tree == ['block'], seen.tree\n"
    )
    done = subprocess.run([sys.executable, program], capture_output=True, text=True, check=False, timeout=60)
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize("deterministic", [True, False])
def test_every_call_is_seen_whatever_share_its_call_site_wants(deterministic):
    @monitor(sample=0.0)
    def predict():
        """Does nothing."""

    with record(deterministic=deterministic) as seen:
        predict()
    assert len(seen.spans) == 1
