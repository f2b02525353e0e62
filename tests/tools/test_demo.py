"""`otel-ia demo`, run as a person runs it."""

import os
import re
import signal
import subprocess
import sys
import time
from collections import Counter
from dataclasses import dataclass

import pytest
from opentelemetry.proto.trace.v1.trace_pb2 import Span
from receiver import Receiver, plain

from otel_ia import semconv

pytest.importorskip("sklearn")

DEMO = [sys.executable, "-W", "error", "-m", "otel_ia", "demo"]
ENVIRONMENT = {name: value for name, value in os.environ.items() if not name.startswith("OTEL_")}
ENVIRONMENT |= {"NO_COLOR": "1", "COLUMNS": "80"}
ENVIRONMENT |= {"OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"}  # several run at once
TIMES = "\N{MULTIPLICATION SIGN}"
REQUESTS = 30
STAGES = ["load", "preprocess", "inference", "postprocess", "stream"]
TREE = ["training", "  epoch", "    batch", "  evaluate", "request", *(f"  {stage}" for stage in STAGES)]
TREE.insert(TREE.index("  inference") + 1, "    score")


@dataclass(frozen=True)
class Row:
    """A line of the table; the share in percent."""

    count: int
    errors: int
    p50: str
    p95: str
    share: float


def demo(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    done = subprocess.run(
        [*DEMO, *arguments],
        env={**ENVIRONMENT, **environment},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done


@pytest.fixture(scope="module")
def shown() -> subprocess.CompletedProcess[str]:
    """The demo without a collector."""
    return demo("--requests", str(REQUESTS))


@pytest.fixture(scope="module")
def trees(shown) -> list[str]:
    """What was shown on stderr, a text for each trace."""
    return ended_trees(shown.stderr)


def ended_trees(shown: str) -> list[str]:
    """A text for each tree, without those of traces that were still open: they come once more at their end."""
    pages = re.split(r"^(?=─ otel-ia-demo ─)", shown, flags=re.MULTILINE)[1:]
    return [page for page in pages if not page.startswith("─ otel-ia-demo ─ still running ─")]


def table(printed: str) -> dict[str, Row]:
    lines = printed.splitlines()
    begin = next(index for index, line in enumerate(lines) if line.startswith("stage "))
    rows = {}
    for line in lines[begin + 1 : lines.index("", begin)]:
        found = re.fullmatch(r"( *\w+) +(\d+) +(\d+) +([\d.]+ \w+) +([\d.]+ \w+) +([\d.]+)%", line)
        assert found is not None, line
        assert len(line) == len(lines[begin])
        name, count, errors, p50, p95, share = found.groups()
        rows[name] = Row(int(count), int(errors), p50, p95, float(share))
    return rows


def accuracy(printed: str) -> float:
    (found,) = re.findall(r"^([\d.]+)% of 599 held-out digits read right \(seed 7\)$", printed, re.MULTILINE)
    return float(found) / 100


def test_the_accuracy_printed_is_the_one_of_the_evaluation_and_good(shown, trees):
    (seen,) = re.findall(r"evaluate .*accuracy=([\d.]+)", trees[0])
    assert accuracy(shown.stdout) == pytest.approx(float(seen), abs=0.001)
    assert accuracy(shown.stdout) > 0.9


def test_the_accuracy_is_what_an_own_count_of_the_held_out_digits_gives(shown):
    import numpy as np

    from otel_ia.tools.demo.digits import split_digits, views
    from otel_ia.tools.demo.training import train

    learn, test = split_digits(seed=7)
    assert len(learn.labels) + len(test.labels) == 1_797
    assert not {image.tobytes() for image in learn.images} & {image.tobytes() for image in test.images}
    model, _ = train(learn, test, epochs=range(1, 6), seed=7)
    votes = sum(model.probabilities(model.features(view)) for view in views(test.images))
    right = sum(int(np.argmax(vote)) == label for vote, label in zip(votes, test.labels, strict=True))
    # another number of threads adds up in another order: a digit more or less may be right
    assert accuracy(shown.stdout) == pytest.approx(right / 599, abs=0.005)


def test_the_table_counts_the_requests_that_were_served(shown):
    rows = table(shown.stdout)
    assert list(rows) == TREE
    counts = {name.strip(): (row.count, row.errors) for name, row in rows.items()}
    assert counts["training"] == counts["evaluate"] == (1, 0)
    assert counts["epoch"] == (5, 0)
    assert counts["batch"][0] % 5 == 0
    assert counts["request"] == counts["preprocess"] == (REQUESTS, 1)
    assert counts["load"] == (REQUESTS, 0)
    assert counts["inference"] == counts["postprocess"] == counts["stream"] == (REQUESTS - 1, 0)
    assert counts["score"] == (5 * (REQUESTS - 1), 0)
    assert rows["training"].share == rows["request"].share == 100.0
    assert all(0 < row.share <= 100 for row in rows.values())
    assert sum(rows[f"  {stage}"].share for stage in STAGES) < 100.1
    assert rows["    score"].share <= rows["  inference"].share, "what runs at the same time is counted once"


def test_table_and_trees_tell_the_same(shown, trees):
    rows = table(shown.stdout)
    (duration,) = re.findall(r"^training .*?([\d.]+ m?s) ━", trees[0], re.MULTILINE)
    assert {rows["training"].p50, rows["training"].p95} == {duration}
    (evaluate,) = re.findall(r"─ evaluate .*?([\d.]+ m?s)(?: |$)", trees[0], re.MULTILINE)
    assert rows["  evaluate"].p50 == evaluate
    batches = re.findall(rf"batch {TIMES}(\d+)", trees[0])
    assert sum(map(int, batches)) == rows["    batch"].count
    alone = sum(tree.count("─ load ") - tree.count(f"─ load {TIMES}") for tree in trees)
    folded = sum(int(count) for tree in trees for count in re.findall(rf"─ load {TIMES}(\d+)", tree))
    assert alone + folded == rows["  load"].count
    failed = sum(tree.count("✗ request") for tree in trees)
    assert failed == rows["request"].errors


def test_the_failing_request_shows_the_error_of_the_code_that_failed(trees):
    (failing,) = [tree for tree in trees if "✗ request" in tree]
    assert f"number={REQUESTS // 2 + 1} " in failing
    assert "✗ preprocess" in failing
    told = " ".join(failing.split())
    assert "ValueError: X has 100 features, but StandardScaler is expecting 64 features as input." in told
    assert "inference" not in failing


def test_the_request_with_a_whole_sheet_is_slow(trees):
    (slow,) = [tree for tree in trees if f"number={REQUESTS * 3 // 4 + 1} " in tree]
    assert re.search(r"^request .*\bslow\b", slow, re.MULTILINE)
    assert "batch=20000" in slow
    assert "items=20000" in slow


def test_nothing_is_wider_than_80_columns_or_coloured(shown):
    printed = shown.stdout + shown.stderr
    assert [line for line in printed.splitlines() if len(line) > 80] == []
    assert "\x1b" not in printed


def test_the_same_seed_gives_the_same_run_and_another_one_another(shown):
    def losses(stderr: str) -> list[str]:
        return re.findall(r"loss=([\d.]{4})", ended_trees(stderr)[0])

    again, other = demo("--requests", "4"), demo("--requests", "4", "--seed", "8")
    assert losses(again.stderr) == losses(shown.stderr) != losses(other.stderr)
    assert accuracy(again.stdout) == pytest.approx(accuracy(shown.stdout), abs=0.005)


def test_a_collector_gets_all_spans_below_their_parents_and_the_log_records(receiver: Receiver):
    done = demo("--endpoint", receiver.endpoint, "--requests", "12")
    rows = table(done.stdout)
    assert Counter(span.name for span in receiver.spans) == {name.strip(): row.count for name, row in rows.items()}
    assert Counter(_path(span, receiver.spans) for span in receiver.spans) == {
        path: row.count for path, row in zip(_paths(rows), rows.values(), strict=True)
    }
    evaluate = plain(receiver.span("evaluate").attributes)
    assert accuracy(done.stdout) == pytest.approx(evaluate["accuracy"], abs=0.0006)
    ids = {(span.trace_id, span.span_id) for span in receiver.spans}
    slow = [record for record in receiver.logs if record.body.string_value.startswith("request was slow")]
    assert slow  # a starved machine makes more than one
    assert len(receiver.logs) - len(slow) == 1 + 12 + 11 + 1
    outside = [record for record in receiver.logs if (record.trace_id, record.span_id) not in ids]
    assert [record.body.string_value for record in outside] == ["request 7 refused"]
    assert {resource["service.name"] for resource in receiver.resources} == {"otel-ia-demo"}


def test_the_addresses_are_those_of_the_failing_the_slow_and_the_training_trace(receiver: Receiver):
    done = demo("--requests", "4", "--jaeger", "http://jaeger.example/", OTEL_EXPORTER_OTLP_ENDPOINT=receiver.endpoint)
    roots = [span for span in receiver.spans if not span.parent_span_id]
    (failed,) = [span for span in roots if span.status.code == 2]
    slow = max(
        (span for span in roots if plain(span.attributes).get(semconv.SLOW)),
        key=lambda span: span.end_time_unix_nano - span.start_time_unix_nano,
    )
    assert plain(slow.attributes)["number"] == 4
    assert done.stdout.endswith(
        "\nIn Jaeger:\n"
        f"  failed    http://jaeger.example/trace/{failed.trace_id.hex()}\n"
        f"  slow      http://jaeger.example/trace/{slow.trace_id.hex()}\n"
        f"  training  http://jaeger.example/trace/{receiver.span('training').trace_id.hex()}\n"
    )
    assert max(map(len, done.stdout.splitlines())) <= 80
    assert "─" not in done.stderr


def ending(endpoint: str, protocol: str) -> tuple[float, int, str, str]:
    """Seconds from the last request's line to the end of the program, its status, and what it printed."""
    with subprocess.Popen(
        [*DEMO, "--requests", "4", "--endpoint", endpoint, "--protocol", protocol],
        env={**ENVIRONMENT, "OTEL_IA_EXIT_TIMEOUT": "0.5"},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        while "request was slow" not in (line := process.stderr.readline()):
            assert line, "it ended before its last request, the slow one"
        served = time.monotonic()
        printed, complained = process.communicate(timeout=60)
    return time.monotonic() - served, process.returncode, printed, complained


@pytest.mark.parametrize("protocol", ["http/protobuf", "grpc"])
def test_a_dead_collector_costs_the_exit_timeout_and_is_told_in_one_line(protocol, unused_port, receiver):
    endpoint = f"http://127.0.0.1:{unused_port}"
    seconds, status, printed, complained = ending(endpoint, protocol)
    otherwise = ending(receiver.endpoint, "http/protobuf")[0]
    assert seconds < otherwise + 0.5 + 2, "the exit timeout is 0.5 s; a request's own timeout would be 10 s"
    assert status == 0
    assert accuracy(printed) > 0.9
    assert "Jaeger" not in printed
    path = "/v1/traces" if protocol == "http/protobuf" else ""
    assert complained.splitlines() == ["", f"otel-ia: {endpoint}{path} did not take all of it"]


def test_a_collector_that_refuses_is_told_too(receiver: Receiver):
    receiver.status = 404
    done = demo("--requests", "4", "--endpoint", receiver.endpoint)
    assert done.stderr.splitlines()[-1] == f"otel-ia: {receiver.endpoint}/v1/traces did not take all of it"
    assert "Jaeger" not in done.stdout


def test_with_the_sdk_disabled_it_runs_and_says_that_nothing_was_recorded():
    done = demo("--requests", "4", OTEL_SDK_DISABLED="true")
    assert accuracy(done.stdout) > 0.9
    assert "No span was recorded" in done.stdout


def test_fewer_requests_than_the_demo_needs_are_refused():
    done = subprocess.run([*DEMO, "--requests", "3"], env=ENVIRONMENT, capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert "'3' is not 4 or more" in done.stderr


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such signal for one process")
def test_an_interrupt_ends_it_quietly():
    with subprocess.Popen(
        [*DEMO, "--requests", "3000"],
        env=ENVIRONMENT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        # what a shell starts in the background ignores this signal, and what that starts does too
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),  # noqa: PLW1509 - no other threads
    ) as process:
        while "evaluate" not in (line := process.stderr.readline()):
            assert line, "it ended before its training"
        process.send_signal(signal.SIGINT)
        printed, shown = process.communicate(timeout=60)
    assert (process.returncode, printed) == (130, "")
    assert "Traceback" not in shown
    assert "KeyboardInterrupt" not in shown


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no pseudo-terminal")
def test_a_progress_bar_on_a_terminal_leaves_the_trees_whole():
    import pty

    leader, follower = pty.openpty()
    environment = {**ENVIRONMENT, "TERM": "xterm"}
    with subprocess.Popen(
        [*DEMO, "--requests", "4"], env=environment, stdin=follower, stdout=follower, stderr=follower
    ) as process:
        os.close(follower)
        written = b"".join(iter(lambda: _read(leader), b"")).decode()
    os.close(leader)
    assert process.returncode == 0
    assert "Training" in written
    left = _on_screen(written)
    assert not [line for line in left if "Training" in line]
    assert left[0].startswith("─ otel-ia-demo ─")
    assert ended_trees("\n".join(left))[0].splitlines()[1].startswith("training ")
    assert list(table("\n".join(left))) == TREE


@pytest.fixture
def unused_port() -> int:
    import socket

    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _paths(rows: dict[str, Row]) -> list[tuple[str, ...]]:
    paths: list[tuple[str, ...]] = []
    for name in rows:
        depth = (len(name) - len(name.lstrip())) // 2
        above = next((path for path in reversed(paths) if len(path) == depth), ())
        paths.append((*above, name.strip()))
    return paths


def _path(span: Span, spans: list[Span]) -> tuple[str, ...]:
    by_id = {other.span_id: other for other in spans}
    above = _path(by_id[span.parent_span_id], spans) if span.parent_span_id else ()
    assert not span.parent_span_id or by_id[span.parent_span_id].trace_id == span.trace_id
    return (*above, span.name)


def _read(terminal: int) -> bytes:
    try:
        return os.read(terminal, 65_536)
    except OSError:  # Linux's way to tell the end of a pseudo-terminal
        return b""


def _on_screen(written: str) -> list[str]:
    """What is left on a terminal that knows line feed, carriage return, cursor up and erase line."""
    lines, row = [""], 0
    for piece in re.findall(r"\x1b\[[\d;?]*[A-Za-z]|\r|\n|[^\x1b\r\n]+", written):
        if piece == "\n":
            row += 1
            lines += [""] * (row + 1 - len(lines))
        elif piece.endswith("A") and piece.startswith("\x1b["):
            row -= int(piece[2:-1] or 1)
        elif piece == "\x1b[2K":
            lines[row] = ""
        elif not piece.startswith("\x1b") and piece != "\r":
            lines[row] += piece
    return lines
