"""What one trace looks like at 80 columns without colour."""

import pytest
from opentelemetry import trace
from opentelemetry._logs import SeverityNumber
from opentelemetry.trace import NonRecordingSpan, SpanContext, Status, StatusCode, TraceFlags, use_span

PIPELINE = """\
─ digits ─ 00:00:00 ─────────────────── trace 4bf92f3577b34da6a3ce929d0e0e0001 ─
request  user=ada                                        412 ms ━━━━━━━━━━━━━━━━
│ INFO  received 3 images
├─ load                                                 12.0 ms ━
│    DEBUG  opened digits.npz
├─ preprocess  batch=3                                  31.0 ms ╺━
├─ inference  slow  model=digits  version=2.1  batch=3   201 ms  ╺━━━━━━━━
│  │ ▲ WARNING  low confidence 0.41 for the second image: its two best classes
│  │   are 3 and 8, and nobody knows which
│  └─ forward  ◆ self 46%                                190 ms   ━━━━━━━━
├─ fan_out                                               101 ms          ╺━━━━
│  └─ embed ×8  ◆ self 24%                               100 ms          ╺╍╍╍╍
│       p50 60.0  p95 100  max 100 ms  slowest chunk=7
│       model=mini
├─ tokens  items=48  first=12.3 ms                      47.0 ms              ╺━╸
└─ postprocess                                          11.0 ms                ╺
"""


def run_pipeline(program):
    with program.span("request", until=412, user="ada", **{"code.function.name": "serve.request", "thread.id": 1}):
        program.log("received 3 images", 0.5)
        with program.span("load", 1, 13):
            program.log("opened digits.npz", 2, SeverityNumber.DEBUG)
        with program.span("preprocess", 14, 45, **{"ia.batch.size": 3}):
            pass
        with program.span(
            "inference", 46, 247, **{"ia.model.name": "digits", "ia.model.version": "2.1", "ia.batch.size": 3}
        ) as span:
            program.log(
                "low confidence 0.41 for the second image: its two best classes are 3 and 8, and nobody knows which",
                50,
                SeverityNumber.WARN,
            )
            with program.span("forward", 55, 245):
                pass
            span.set_attribute("ia.slow", True)
        with program.span("fan_out", 250, 351):
            children = [program.start("embed", 250, attributes={"chunk": n, "ia.model.name": "mini"}) for n in range(8)]
            for number, child in enumerate(children):
                program.end(child, 280 + 10 * number)
        with program.span("tokens", 352, 399, **{"ia.stream.items": 48, "ia.stream.time_to_first_item": 0.0123}):
            pass
        with program.span("postprocess", 400, 411):
            pass


def test_a_request_is_a_tree_of_its_stages(program):
    run_pipeline(program)
    assert program.text == PIPELINE


@pytest.mark.parametrize("width", [44, 60, 80, 100, 120, 200])
def test_lines_are_never_wider_than_the_terminal_and_durations_stand_in_one_column(program, monkeypatch, width):
    monkeypatch.setenv("COLUMNS", str(width))
    run_pipeline(program)
    lines = program.text.splitlines()
    assert max(map(len, lines)) <= width
    ends = {line.index(" ms") for line in lines if line.startswith(("request", "├─ load", "├─ fan_out", "└─ post"))}
    assert len(ends) == 1


def test_an_error_is_told_once_where_it_happened_with_type_message_and_place(program):
    def parse():
        with program.span("parse"):
            raise ValueError("expected 64 values, got 63")

    with pytest.raises(ValueError, match="got 63"), program.span("request"), program.span("preprocess"):
        parse()
    assert program.names[:3] == ["✗ request", "└─ ✗ preprocess", "   └─ ✗ parse"]
    assert program.text.count("ValueError: expected 64 values, got 63") == 1
    told = program.text[program.text.index("✗ ValueError") :]
    assert f"test_tree.py:{parse.__code__.co_firstlineno + 2}" in " ".join(told.split())


def test_an_error_without_exception_event_is_told_from_its_status(program):
    with program.span("call") as span:
        span.set_status(Status(StatusCode.ERROR, "the model is not loaded"))
        span.set_attribute("error.type", "ModelError")
    assert "✗ ModelError: the model is not loaded" in program.text


def test_how_a_call_ended_is_told_by_its_outcome(program):
    with program.span("request"):
        for outcome in ("cancelled", "closed_early", "abandoned"):
            with program.span("stage", **{"ia.outcome": outcome}):
                pass
    assert [line[3:].split("  ")[1] for line in program.tree[1:]] == ["cancelled", "closed early", "abandoned"]


def test_a_stream_tells_its_items_and_the_time_to_the_first(program):
    with program.span("tokens", **{"ia.stream.items": 48, "ia.stream.time_to_first_item": 0.0123}):
        pass
    assert "items=48  first=12.3 ms" in program.text


def test_log_lines_stand_at_their_place_in_time(program):
    with program.span("request", 0, 10):
        with program.span("one", 1, 2):
            pass
        program.log("between", 3)
        with program.span("two", 4, 5):
            pass
        program.log("after", 6)
    assert program.names == ["request", "├─ one", "│ INFO", "└─ two", "  INFO"]
    assert program.tree[-1] == "  INFO  after"


def test_a_log_line_with_an_exception_tells_it(program):
    with program.span("request"):
        program.log(
            "prediction failed",
            0.5,
            SeverityNumber.ERROR,
            **{"exception.type": "ValueError", "exception.message": "bad", "exception.stacktrace": "Traceback …"},
        )
    assert "  ▲ ERROR  prediction failed (ValueError: bad)\n" in program.text


def test_a_log_line_outside_of_spans_is_not_printed(program):
    program.log("nobody asked")
    assert program.text == ""


def test_a_span_with_a_remote_parent_is_a_root(program):
    remote = SpanContext(0xABC, 0xDEF, is_remote=True, trace_flags=TraceFlags(1))
    with use_span(NonRecordingSpan(remote)), program.span("served"):
        pass
    assert f"trace {0xABC:032x}" in program.text
    assert program.tree[0].startswith("served")


def test_a_span_whose_parent_is_not_open_here_is_a_root(program):
    elsewhere = SpanContext(0xABC, 0xDEF, is_remote=False, trace_flags=TraceFlags(1))
    with use_span(NonRecordingSpan(elsewhere)), program.span("served"):
        pass
    assert program.tree[0].startswith("served")


def test_a_child_of_an_ended_span_stays_in_its_trace_while_the_root_is_open(program):
    with program.span("request", 0, 10):
        with program.span("stage", 1, 2) as stage:
            inside = trace.set_span_in_context(stage)
        child = program.start("late", 3, context=inside)
        program.end(child, 4)
    assert program.names == ["request", "└─ stage", "   └─ late"]


def test_attributes_are_bounded(program):
    numbered = {f"key{number}": number for number in range(20)}
    with program.span("call", prompt="how are you? " * 1000, ids=list(range(1000)), **numbered):
        pass
    flat = " ".join(program.text.split())
    assert 'prompt="how are you? how are you? how are you? …"' in flat
    assert "ids=[0, 1, 2, 3, … 996 more]" in flat
    assert "+14" in flat
    assert len(program.tree) < 6


def test_time_goes_to_whoever_spent_it_and_not_to_parents_or_to_siblings_side_by_side(program):
    with program.span("request", 0, 100), program.span("gather", 0, 100):
        first, second = program.start("short", 0), program.start("long", 0)
        program.end(first, 20)
        program.end(second, 90)
    told = [line for line in program.tree if "◆" in line]
    assert len(told) == 1
    assert "└─ long  ◆ self 75%" in told[0]


def test_time_spread_evenly_marks_all_or_none(program):
    for count in (3, 5):
        with program.span("train", 0, 10 * count):
            for number in range(count):
                with program.span("epoch", 10 * number, 10 * number + 10):
                    pass
    assert ["◆ self 33%" in line for line in program.tree] == [False, True, True, True] + [False] * 6
    assert program.text.count("◆") == 3


def test_a_clock_that_steps_back_does_no_harm(program):
    with program.span("request", 10, 5), program.span("child", 20, 1):
        pass
    assert "0 ns" in program.text


def test_very_deep_nesting_stays_within_the_page(program):
    spans = [program.start("level", 0)]
    for depth in range(1, 200):
        spans.append(program.start("level", depth, context=trace.set_span_in_context(spans[-1])))
    for number, span in enumerate(reversed(spans)):
        program.end(span, 200 + number)
    assert len(program.tree) < 60
    assert max(map(len, program.tree)) <= 80


CAPTURED = """\
─ digits ─ 00:00:00 ─────────────────── trace 4bf92f3577b34da6a3ce929d0e0e0001 ─
predict  images=float16(32, 64) cuda:0 0.5…2 3 nan       412 ms ━━━━━━━━━━━━━━━━
  labels=list[3]  request=Request  k=5  mode="as fast"
  x.norm=1.5  batch=32  result=float64(32, 10)
"""


def test_what_was_captured_of_an_argument_is_one_piece(program):
    of_images = {"type": "torch.Tensor", "shape": "(32, 64)", "dtype": "float16", "device": "cuda:0", "bytes": 4096}
    of_images |= {"nan": 3, "inf": 0, "min": 0.5, "mean": 1.0, "max": 2.0}
    attributes = {
        **{f"ia.argument.images.{part}": content for part, content in of_images.items()},
        "ia.argument.labels.type": "list",
        "ia.argument.labels.length": 3,
        "ia.argument.request.type": "app.Request",
        "ia.argument.request.fields": "images: numpy.ndarray float32 (32, 64)",
        "ia.argument.k.value": 5,
        "ia.argument.mode.value": "as fast",
        "ia.argument.x.norm": 1.5,
        "ia.batch.size": 32,
        "ia.result.type": "numpy.ndarray",
        "ia.result.shape": "(32, 10)",
        "ia.result.dtype": "float64",
        "ia.result.bytes": 2560,
    }
    with program.span("predict", until=412, **attributes):
        pass
    assert program.text == CAPTURED
