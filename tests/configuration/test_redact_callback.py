"""`redact_callback` in effect: what a real receiver gets, and what is on disk before that."""

import itertools
import logging
import signal
import threading
from pathlib import Path

import pytest
from opentelemetry import trace
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.trace import Link, SpanContext, StatusCode, TraceFlags
from receiver import Receiver, plain

import otel_ia
from otel_ia import monitor
from otel_ia.processors import SpoolSpanProcessor

SECRET = "geheim"
LOG = logging.getLogger("app")


@pytest.fixture(autouse=True)
def spool(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    return tmp_path / "otel_ia" / "spool"


def hide(path: str, value: object) -> object:
    """What a user writes."""
    return value.replace(SECRET, "***") if isinstance(value, str) else value


def record_everywhere() -> None:
    """A secret that no rule knows, in each place that a span or log record has."""
    context = SpanContext(7, 7, is_remote=False, trace_flags=TraceFlags(1))

    @monitor(f"call of {SECRET}", attributes={"static": f"a {SECRET}", "several": [SECRET, "b"], "number": 3})
    def call() -> None:
        span = trace.get_current_span()
        span.set_attribute("dynamic", f"b {SECRET}")
        span.set_attribute("list", ["c", SECRET])
        span.add_event(f"event {SECRET}", {"d": SECRET})
        span.add_link(context, {"e": SECRET})
        LOG.warning("said %s", SECRET, extra={"f": SECRET, "g": {"inside": SECRET}})
        raise ValueError(SECRET)

    for _ in range(2):
        with pytest.raises(ValueError, match=SECRET):
            call()
    tracer = trace.get_tracer("library")
    with tracer.start_as_current_span(
        f"library {SECRET}", attributes={"h": SECRET}, links=[Link(context, {"i": SECRET})]
    ):
        trace.get_current_span().set_status(StatusCode.ERROR, f"status {SECRET}")
    try:
        raise RuntimeError(SECRET)
    except RuntimeError:
        LOG.exception("failed")


def everything(receiver: Receiver) -> str:
    return f"{receiver.spans} {receiver.logs} {receiver.resources}"


def test_all_that_a_span_or_log_record_says_goes_through_the_function(receiver: Receiver) -> None:
    resource = {"team": f"of {SECRET}"}
    with otel_ia.configure(
        endpoint=receiver.endpoint, console=False, redact_callback=hide, resource_attributes=resource
    ) as telemetry:
        record_everywhere()
        assert telemetry.flush(10)
        assert telemetry.stats().redacted == {}
    assert (len(receiver.spans), len(receiver.logs)) == (3, 3)
    assert SECRET not in everything(receiver)
    first, second, library = receiver.spans
    for span in (first, second):
        attributes = plain(span.attributes)
        assert span.name == "call of ***"
        assert (attributes["static"], attributes["dynamic"], attributes["number"]) == ("a ***", "b ***", 3)
        assert (attributes["several"], attributes["list"]) == (["***", "b"], ["c", "***"])
        assert span.status.message == "***"
        assert [event.name for event in span.events] == ["event ***", "exception"]
        assert plain(span.events[1].attributes)["exception.message"] == "***"
        assert "ValueError: ***" in plain(span.events[1].attributes)["exception.stacktrace"]
        assert plain(span.links[0].attributes) == {"e": "***"}
    assert (library.name, library.status.message) == ("library ***", "status ***")
    said = receiver.logs[0]
    assert said.body.string_value == "said ***"
    assert plain(said.attributes)["f"] == "***"
    assert "ValueError" not in plain(said.attributes)
    assert "RuntimeError: ***" in plain(receiver.logs[2].attributes)["exception.stacktrace"]
    assert receiver.resources[0]["team"] == "of ***"


def test_nothing_that_it_takes_out_is_ever_on_the_disk(receiver: Receiver, spool: Path) -> None:
    receiver.status = 503
    telemetry = otel_ia.configure(endpoint=receiver.endpoint, console=False, redact_callback=hide)
    try:
        record_everywhere()
    finally:
        telemetry.shutdown(0)
    kept = b"".join(file.read_bytes() for file in spool.iterdir())
    assert b"call of ***" in kept
    assert SECRET.encode() not in kept


def test_where_it_raises_the_value_is_left_out_counted_and_told_once(
    receiver: Receiver, caplog: pytest.LogCaptureFixture
) -> None:
    def fail(path: str, value: object) -> object:
        if path in {"service.name", "good"} or not isinstance(value, str):
            return value
        raise LookupError(f"not found: {value}")

    with (
        caplog.at_level(logging.WARNING, "otel_ia"),
        otel_ia.configure(endpoint=receiver.endpoint, console=False, redact_callback=fail) as telemetry,
    ):
        record_everywhere()
        with monitor("block", attributes={"good": "kept", "n": 1}):
            pass
        assert telemetry.flush(10)
        counted = telemetry.stats().redacted
    assert (len(receiver.spans), len(receiver.logs)) == (4, 3)
    assert SECRET not in everything(receiver)
    assert receiver.spans[0].name == "[redacted: failed callback]"
    assert receiver.logs[0].body.string_value == "[redacted: failed callback]"
    (block,) = [found for span in receiver.spans if "good" in (found := plain(span.attributes))]
    assert (block["good"], block["n"]) == ("kept", 1)
    assert counted.keys() == {"failed callback"}
    assert counted["failed callback"] > 20
    (told,) = [record for record in caplog.records if record.name == "otel_ia"]
    assert told.getMessage().startswith(f"redact_callback raised LookupError at {__file__}:")
    assert SECRET not in told.getMessage()
    assert told.exc_info is None


def test_none_takes_the_value_out(receiver: Receiver) -> None:
    with otel_ia.configure(
        endpoint=receiver.endpoint,
        console=False,
        redact_callback=lambda path, value: None if path.startswith("user.") else value,
    ) as telemetry:
        with monitor("block", attributes={"user.name": "Ada", "user.age": 36, "batch": 4}):
            pass
        telemetry.flush(10)
        assert telemetry.stats().redacted == {"callback": 2}
    attributes = plain(receiver.span("block").attributes)
    assert (attributes["user.name"], attributes["user.age"], attributes["batch"]) == (
        "[redacted: callback]",
        "[redacted: callback]",
        4,
    )


def test_it_sees_what_the_rules_have_left(receiver: Receiver) -> None:
    seen: list[tuple[str, object]] = []

    def look(path: str, value: object) -> object:
        seen.append((path, value))
        return value

    with (
        otel_ia.configure(endpoint=receiver.endpoint, console=False, redact_callback=look),
        monitor("block", attributes={"db.password": "x1", "note": "token=Zq9xW3vB7nM1"}),
    ):
        pass
    assert ("note", "token=[redacted: token]") in seen
    assert "db.password" not in dict(seen)


def test_without_the_usual_rules_the_own_ones_go_on(receiver: Receiver) -> None:
    with otel_ia.configure(
        endpoint=receiver.endpoint,
        console=False,
        redact=False,
        redact_keys=["plate"],
        redact_patterns=[r"\bK-\d{4}\b"],
        redact_callback=hide,
    ):
        note = f"password=hunter2 plate: AB12 for K-1234 {SECRET}"
        with monitor("block", attributes={"note": note, "plate": "CD34", "token": "t"}):
            pass
    attributes = plain(receiver.span("block").attributes)
    assert attributes["note"] == "password=hunter2 plate: [redacted: plate] for [redacted: pattern_1] ***"
    assert (attributes["plate"], attributes["token"]) == ("[redacted: plate]", "t")


def test_a_function_that_records_itself_comes_to_an_end_and_none_of_it_is_raw(receiver: Receiver) -> None:
    calls = itertools.count()

    @monitor(attributes={"static": SECRET})
    def hide_with_telemetry(path: str, value: object) -> object:
        LOG.warning("hiding %s", value)
        trace.get_current_span().set_attribute("asked", str(value))
        return hide(path, value)

    def hide_at_most(path: str, value: object) -> object:
        return hide_with_telemetry(path, value) if next(calls) < 1_000 else value

    with otel_ia.configure(endpoint=receiver.endpoint, console=False, redact_callback=hide_at_most) as telemetry:
        with monitor("block", attributes={"note": SECRET}):
            pass
        assert telemetry.flush(20)
    assert next(calls) < 1_000
    assert plain(receiver.span("block").attributes)["note"] == "***"
    assert SECRET not in everything(receiver)
    assert "[redacted: failed callback]" in everything(receiver)


@pytest.mark.skipif(not hasattr(signal, "SIGUSR1"), reason="Windows has no such signal")
def test_a_signal_handler_that_records_does_not_wait_for_its_lock(receiver: Receiver) -> None:
    lock = threading.Lock()

    def handle(*_: object) -> None:
        with monitor("handled", attributes={"in handler": SECRET}):
            pass

    def hide_locked(path: str, value: object) -> object:
        with lock:
            if path == "note":
                signal.raise_signal(signal.SIGUSR1)
            return hide(path, value)

    before = signal.signal(signal.SIGUSR1, handle)
    try:
        with (
            otel_ia.configure(endpoint=receiver.endpoint, console=False, redact_callback=hide_locked),
            monitor("block", attributes={"note": SECRET}),
        ):
            pass
    finally:
        signal.signal(signal.SIGUSR1, before)
    assert len(receiver.spans) >= 2
    assert plain(receiver.span("block").attributes)["note"] == "***"
    assert SECRET not in everything(receiver)


def test_what_it_returns_is_made_legal_and_bounded(receiver: Receiver) -> None:
    answers = {
        "long": "x" * 10_000_000,
        "huge": 1 << 9000,
        "many": list(range(100_000)),
        "odd": object(),
        "torn": "\udc80",
    }
    with otel_ia.configure(
        endpoint=receiver.endpoint, console=False, redact_callback=lambda path, value: answers.get(path, value)
    ) as telemetry:
        with monitor("block") as span:
            span.set_attributes(dict.fromkeys(answers, "?"))
        assert telemetry.flush(10)
    attributes = plain(receiver.span("block").attributes)
    assert 100_000 < len(attributes["long"]) < 140_000
    assert attributes["huge"] == "<int of 9001 bits>"
    assert len(str(attributes["many"])) < 20_000
    assert attributes["odd"] == "<object>"
    assert attributes["torn"] == "\ufffd"


def test_a_stack_trace_that_it_changes_stays_whole(receiver: Receiver) -> None:
    def fall(depth: int) -> None:
        if depth:
            fall(depth - 1)
        raise ValueError("x" * 30_000)

    with (
        otel_ia.configure(endpoint=receiver.endpoint, console=False, redact_callback=lambda _, value: f"{value}."),
        pytest.raises(ValueError, match="xxx"),
        monitor("block"),
    ):
        fall(3)
    (event,) = receiver.span("block.").events
    assert len(plain(event.attributes)["exception.stacktrace"]) > 30_000


def test_behind_a_provider_of_others_it_is_asked_too(receiver: Receiver) -> None:
    provider = TracerProvider(shutdown_on_exit=False)
    provider.add_span_processor(SpoolSpanProcessor(endpoint=receiver.endpoint, redact_callback=hide))
    try:
        attributes = {"a": SECRET, "list": [SECRET, "b"], "numbers": [1.5, 2.5]}
        with provider.get_tracer("library").start_as_current_span(SECRET, attributes=attributes) as span:
            span.add_event(SECRET, {"b": SECRET})
        assert provider.force_flush()
    finally:
        provider.shutdown()
    (arrived,) = receiver.spans
    assert plain(arrived.attributes) == {"a": "***", "list": ["***", "b"], "numbers": [1.5, 2.5]}
    assert SECRET not in everything(receiver)
