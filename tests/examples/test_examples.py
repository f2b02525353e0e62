"""Each example gives the trees that its docstring promises."""

import ast
import importlib.util
import os
import runpy
import subprocess
import sys
import warnings
from pathlib import Path

import pytest
from receiver import Receiver, plain

from otel_ia import semconv
from otel_ia.testing import Recording, record

FOLDER = Path(__file__).parents[2] / "examples"
FILES = sorted(FOLDER.glob("*.py"))
NEED_SCIKIT_LEARN = {
    "capture_arguments.py",
    "decorate_a_function.py",
    "instrument_a_pipeline.py",
    "monitor_a_block.py",
    "train_a_pytorch_model.py",
    "training_loop.py",
    "reduced_stream.py",
}


@pytest.fixture(autouse=True)
def without_a_console(monkeypatch):
    monkeypatch.setenv("OTEL_IA_CONSOLE", "false")
    monkeypatch.delenv("OTEL_EXPORTER_OTLP_ENDPOINT", raising=False)


def run(name: str) -> Recording:
    """What the example records when it is run in this process."""
    if name in NEED_SCIKIT_LEARN:
        pytest.importorskip("sklearn")
    with record() as seen:
        runpy.run_path(str(FOLDER / name), run_name="__main__")
    return seen


def start(name: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """The example run in a process of its own, with warnings as errors."""
    return subprocess.run(
        [sys.executable, "-W", "error", FOLDER / name],
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )


def promised_tree(name: str) -> list:
    """The tree in the example's docstring: names up to two spaces, three columns a level."""
    docstring = ast.get_docstring(ast.parse((FOLDER / name).read_text())) or ""
    drawing = docstring[docstring.index("It gives") :].splitlines()
    levels: list[list] = [[]]
    for line in (line[4:] for line in drawing if line.startswith("    ")):
        branch = len(line) - len(line.lstrip("│├└─ "))
        del levels[branch // 3 + 1 :]
        if branch // 3 == len(levels):
            pytest.fail(f"{line!r} has no parent")
        levels[-1].append(line[branch:].split("  ")[0])
        levels.append([])
        levels[-2].append(levels[-1])
    return without_empty(levels[0])


def without_empty(tree: list) -> list:
    return [without_empty(item) if isinstance(item, list) else item for item in tree if item != []]


def test_functions_decorated_inside_each_other_give_one_tree():
    seen = run("decorate_a_function.py")
    assert seen.tree == promised_tree("decorate_a_function.py") == ["identify", ["scale", "find_nearest"]]
    assert seen.span("identify").attributes[semconv.BATCH_SIZE] == 3
    assert seen.span("find_nearest").attributes[semconv.MODEL_NAME] == "nearest-neighbour"


def test_blocks_of_a_training_carry_epoch_and_loss():
    seen = run("monitor_a_block.py")
    assert seen.tree == promised_tree("monitor_a_block.py") == ["training", ["epoch", "epoch", "epoch", "evaluate"]]
    epochs = [span for span in seen.spans if span.name == "epoch"]
    assert [span.attributes[semconv.EPOCH] for span in epochs] == [1, 2, 3]
    losses = [span.attributes["loss"] for span in epochs]
    assert losses == sorted(losses, reverse=True)
    assert 0.3 < seen.span("evaluate").attributes["r2"] < 1


def test_arguments_and_results_are_told_by_their_shapes():
    seen = run("capture_arguments.py")
    assert seen.tree == promised_tree("capture_arguments.py") == ["classify", ["normalise", "nearest"]]
    whole, normalised, nearest = (seen.span(name).attributes for name in ("classify", "normalise", "nearest"))
    assert whole["ia.argument.images.shape"] == "(30, 64)"
    assert {told["ia.batch.size"] for told in (whole, normalised, nearest)} == {30}
    assert (normalised["ia.result.min"], normalised["ia.result.max"]) == (0.0, 1.0)
    assert "ia.argument.centroids.type" not in nearest
    assert whole[semconv.MODEL_NAME] == "nearest-centroid"


def test_the_steps_of_a_pipeline_become_spans(capsys):
    seen = run("instrument_a_pipeline.py")
    assert seen.tree == promised_tree("instrument_a_pipeline.py")
    assert seen.span("Pipeline.predict").attributes["ia.batch.size"] == 30
    assert seen.span("reduce.fit_transform").attributes[semconv.STAGE] == "training"
    right = int(capsys.readouterr().out.split()[0])
    assert right > 25


@pytest.fixture(scope="session")
def onnxruntime():
    """Imported before a test looks at what it leaves behind: it keeps files of its own open from then on."""
    return pytest.importorskip("onnxruntime", reason="onnxruntime is not installed")


def test_the_runs_of_an_onnx_session_become_spans(onnxruntime, capsys):
    if importlib.util.find_spec("magika") is None:
        pytest.skip("magika, whose model it is, is not installed")
    seen = run("instrument_an_onnx_session.py")
    assert seen.tree == promised_tree("instrument_an_onnx_session.py")
    runs = [span.attributes for span in seen.spans if span.name == "magika.run"]
    files = [file for file in FOLDER.iterdir() if file.is_file()]
    assert sum(told[semconv.BATCH_SIZE] for told in runs) == len(files)
    assert {told[semconv.EXECUTION_PROVIDER] for told in runs} == {"CPUExecutionProvider"}
    assert f"{len(FILES)} python" in capsys.readouterr().out


@pytest.fixture(scope="session")
def torch():
    """Imported before a test looks at what it leaves behind."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return pytest.importorskip("torch", reason="PyTorch is not installed: scripts/pytorch.py installs it")


@pytest.fixture(scope="session")
def transformers(torch):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        found = pytest.importorskip("transformers", reason="transformers is not installed")
        if not found.is_torch_available():
            pytest.skip("this version of transformers needs a later PyTorch than there is")
        return importlib.import_module("transformers.pipelines")


@pytest.mark.filterwarnings("ignore")
def test_the_training_of_a_network_tells_its_epochs_steps_and_loss_and_the_network_what_it_reads(torch, capsys):
    seen = run("train_a_pytorch_model.py")
    epoch = ["epoch", ["step", "step"]]
    assert seen.tree == promised_tree("train_a_pytorch_model.py")
    assert seen.tree == ["training", epoch * 3, "read", ["digits.forward"]]
    losses = [span.attributes[semconv.TRAINING_LOSS] for span in seen.spans if span.name == "step"]
    assert losses[0] > losses[2] > losses[4]
    assert seen.metric(semconv.TRAINING_STEP_DURATION).count == 36
    told = seen.span("read").attributes
    assert told["ia.argument.images.shape"] == "(597, 64)"
    assert (told["ia.result.dtype"], told["ia.result.device"]) == ("int64", "cpu")
    forward = seen.span("digits.forward").attributes
    assert (forward[semconv.STAGE], forward[semconv.BATCH_SIZE]) == ("inference", 597)
    assert 80 < int(capsys.readouterr().out.partition("%")[0]) <= 100


@pytest.mark.filterwarnings("ignore")
def test_a_pipeline_of_transformers_shows_its_stages_and_the_model_in_it(transformers, capsys):
    seen = run("instrument_a_transformers_pipeline.py")
    assert seen.tree == promised_tree("instrument_a_transformers_pipeline.py")
    told = {span.name: span.attributes for span in seen.spans}
    assert told["topics"][semconv.BATCH_SIZE] == told["model.forward"][semconv.BATCH_SIZE] == 2
    assert told["topics.forward"][semconv.STAGE] == "inference"
    assert told["model.forward"][semconv.DEVICE] == "cpu"
    assert len(capsys.readouterr().out.split(", ")) == 2


def test_requests_that_run_at_the_same_time_give_a_trace_each():
    seen = run("async_requests.py")
    assert seen.tree == promised_tree("async_requests.py") * 3 == ["answer", ["search", "search"]] * 3
    assert len({span.trace_id for span in seen.spans}) == 3
    answers = [span for span in seen.spans if span.name == "answer"]
    assert max(span.start for span in answers) < min(span.end for span in answers), "they did not overlap"


def test_a_stream_is_one_span_whether_it_is_read_to_its_end_or_not():
    seen = run("streaming_generator.py")
    assert seen.tree == promised_tree("streaming_generator.py") == ["generate", "generate"]
    assert [(span.attributes[semconv.STREAM_ITEMS], span.outcome) for span in seen.spans] == [
        (12, "ok"),
        (6, "closed_early"),
    ]
    assert all(span.attributes[semconv.STREAM_TIME_TO_FIRST_ITEM] > 0 for span in seen.spans)
    assert {span.status for span in seen.spans} == {"UNSET"}


def test_calls_of_a_model_have_the_tokens_that_were_drawn(capsys):
    pytest.importorskip("opentelemetry.util.genai", reason="otel_ia[genai] has it")
    seen = run("model_calls.py")
    assert seen.tree == promised_tree("model_calls.py")
    verse, more = (line.partition(" (")[0].split() for line in capsys.readouterr().out.splitlines())
    first, second = (span.attributes for span in seen.spans if span.name == "chat bigrams")
    assert first[semconv.GEN_AI_OUTPUT_TOKENS] == len(verse) == 12
    assert second[semconv.GEN_AI_INPUT_TOKENS] == 2 + len(verse)
    assert second[semconv.GEN_AI_OUTPUT_TOKENS] == len(more) == 8
    assert all(call[semconv.GEN_AI_TIME_TO_FIRST_CHUNK] > 0 for call in (first, second))
    used = [metric.value for metric in seen.metrics if metric.name == "gen_ai.client.token.usage"]
    assert sorted(used) == [16, 20]


def test_a_stream_is_reduced_to_what_its_items_come_to():
    seen = run("reduced_stream.py")
    assert seen.tree == promised_tree("reduced_stream.py") == ["read"]
    attributes = seen.span("read").attributes
    assert attributes["digits.read"] == attributes[semconv.STREAM_ITEMS] == 597
    assert 0.7 < attributes["digits.right"] / attributes["digits.read"] < 1


def test_a_training_loop_tells_its_epochs_steps_and_loss():
    seen = run("training_loop.py")
    epoch = ["epoch", ["step", "step"]]
    assert seen.tree == promised_tree("training_loop.py") == ["training", epoch * 3]
    steps = [span for span in seen.spans if span.name == "step"]
    assert [span.attributes[semconv.STEP] for span in steps] == [0, 10] * 3
    assert {span.attributes[semconv.BATCH_SIZE] for span in steps} == {100}
    losses = [span.attributes[semconv.TRAINING_LOSS] for span in steps]
    assert losses[0] > losses[2] > losses[4]
    run_span = seen.span("training").attributes
    assert (run_span[semconv.EPOCH], run_span[semconv.STEP], run_span[semconv.MODEL_NAME]) == (2, 11, "softmax")
    assert 0.8 < run_span["ia.training.accuracy"] < 1
    assert seen.metric(semconv.TRAINING_STEP_DURATION).count == 36
    assert seen.metric(semconv.BATCH_SIZE).value == 3_600
    assert seen.metric(semconv.TRAINING_LOSS).attributes[semconv.OPERATION] == "step"


def test_log_lines_are_printed_and_sent_with_the_id_of_their_trace(receiver: Receiver):
    tree = ["count_words", ["clean"]]
    assert promised_tree("correlated_logs.py") == tree
    printed = start("correlated_logs.py", OTEL_EXPORTER_OTLP_ENDPOINT=receiver.endpoint).stdout.splitlines()
    receiver.wait_for(spans=2, logs=4)
    root, child = receiver.span("count_words"), receiver.span("clean")
    assert child.parent_span_id == root.span_id
    assert [line.split()[1] for line in printed] == [root.trace_id.hex()] * 4
    records = sorted(receiver.logs, key=lambda record: record.time_unix_nano)
    assert [(record.body.string_value, record.span_id == child.span_id) for record in records] == [
        ("count_words started", False),
        ("13 words", True),
        ("8 different ones", False),
        (printed[-1].split(maxsplit=2)[2], False),
    ]


@pytest.mark.parametrize("name", ["loguru_records.py", "structlog_events.py"])
def test_other_libraries_lines_are_printed_and_sent_with_the_id_of_their_trace(receiver: Receiver, name):
    pytest.importorskip(name.partition("_")[0])
    assert promised_tree(name) == ["restock", ["count"]]
    printed = start(name, OTEL_EXPORTER_OTLP_ENDPOINT=receiver.endpoint).stdout.splitlines()
    receiver.wait_for(spans=2, logs=2)
    root, child = receiver.span("restock"), receiver.span("count")
    assert len(printed) == 2
    assert all(root.trace_id.hex() in line for line in printed)
    counted, added = sorted(receiver.logs, key=lambda record: record.time_unix_nano)
    assert (counted.span_id, added.span_id) == (child.span_id, root.span_id)
    assert plain(counted.attributes)["shelf"] == 1


def test_the_collector_of_the_environment_gets_the_trace_the_error_and_the_log_record(receiver: Receiver):
    assert promised_tree("send_to_a_collector.py") == ["report", ["root", "root"]]
    done = start("send_to_a_collector.py", OTEL_EXPORTER_OTLP_ENDPOINT=receiver.endpoint)
    receiver.wait_for(spans=3, logs=1)
    report = receiver.span("report")
    roots = [span for span in receiver.spans if span.name == "root"]
    assert [span.parent_span_id for span in roots] == [report.span_id] * 2
    assert [plain(span.attributes)["value"] for span in roots] == [2.0, -2.0]
    assert [plain(span.attributes).get(semconv.ERROR_TYPE) for span in roots] == [None, "ValueError"]
    assert [event.name for event in roots[1].events] == ["exception"]
    assert [(record.trace_id, record.span_id) for record in receiver.logs] == [(report.trace_id, report.span_id)]
    assert {resource["service.name"] for resource in receiver.resources} == {"roots"}
    assert done.stdout == "[1.4142135623730951, None]\n"


def test_a_tenth_of_the_predictions_arrives_and_each_that_failed_or_was_slow(receiver: Receiver):
    pytest.importorskip("sklearn")
    done = start("sampling.py", OTEL_EXPORTER_OTLP_ENDPOINT=receiver.endpoint)
    names = {span.span_id: span.name for span in receiver.spans}
    roots = {span.trace_id: span for span in receiver.spans if span.name == "predict"}
    (trained,) = (span for span in receiver.spans if span.name == "train")
    inside = [span for span in receiver.spans if span.trace_id == trained.trace_id and span.parent_span_id]
    first = ["predict", [span.name for span in sorted(inside, key=lambda span: span.start_time_unix_nano)]]
    assert promised_tree("sampling.py") == first == ["predict", ["train", "scale", "classify"]]
    assert {names[span.parent_span_id] for span in receiver.spans if span.parent_span_id} == {"predict"}
    failed = [root for root in roots.values() if root.status.code == root.status.STATUS_CODE_ERROR]
    assert len(failed) == 10
    sampled = [root for root in roots.values() if root.trace_state]
    assert 40 < len(sampled) < 160  # six standard deviations
    assert {plain(root.attributes)[semconv.MODEL_NAME] for root in roots.values()} == {"svc"}
    arrived, held = done.stdout.splitlines()
    assert arrived == f"1000 images, 10 refused; {len(receiver.spans)} spans arrived"
    counts = {what: int(count) for count, what in (part.split(" ", 1) for part in held.partition(": ")[2].split(", "))}
    assert counts["failed"] == sum(not root.trace_state for root in failed)
    assert counts["failed"] + counts["slow"] == len(roots) - len(sampled)
    assert sum(counts.values()) == 1_000 - len(sampled)
    assert done.stderr == ""


def test_log_lines_are_in_files_as_json_with_their_trace(receiver: Receiver, tmp_path: Path):
    assert promised_tree("rotating_json_logs.py") == ["order", ["price"]]
    done = subprocess.run(
        [sys.executable, "-W", "error", FOLDER / "rotating_json_logs.py", tmp_path],
        env={**os.environ, "OTEL_EXPORTER_OTLP_ENDPOINT": receiver.endpoint},
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    receiver.wait_for(spans=12, logs=6)
    assert done.stderr == ""
    shown = [line.split() for line in done.stdout.splitlines()]
    assert {words[0] for words in shown} >= {"shop.jsonl", "shop.jsonl.1"}
    traces = {span.trace_id.hex()[:8] for span in receiver.spans}
    assert {words[-1] for words in shown} <= traces
    assert {"info", "error"} == {words[1] for words in shown}


def test_prometheus_is_shown_the_calls_of_all_processes_of_a_pool():
    pytest.importorskip("prometheus_client")
    done = start("prometheus_pool.py", OTEL_EXPORTER_PROMETHEUS_PORT="0")
    assert done.stdout.splitlines() == [
        "ia_call_duration_seconds_count error 2",
        "ia_call_duration_seconds_count ok 10",
    ]
    assert done.stderr == ""


def test_the_recipe_names_give_spans_and_their_lines(caplog):
    caplog.set_level("DEBUG")
    seen = run("recipe_names.py")
    assert seen.tree == promised_tree("recipe_names.py") == ["nightly batch", ["load_prices", "write report"]]
    assert [(log.severity, log.body.split(" in ")[0]) for log in seen.logs] == [
        ("INFO", "nightly batch started"),
        ("INFO", "load_prices started"),
        ("INFO", "load_prices finished"),
        ("DEBUG", "write report started"),
        ("DEBUG", "write report finished"),
        ("INFO", "nightly batch finished"),
    ]
    assert {log.trace_id for log in seen.logs} == {seen.span("nightly batch").trace_id}


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.name)
def test_each_example_is_listed_short_and_tested(file: Path):
    assert f"[`{file.name}`]({file.name})" in (FOLDER / "README.md").read_text()
    assert len(file.read_text().splitlines()) < 60
    assert f'"{file.name}"' in Path(__file__).read_text()


@pytest.mark.parametrize("name", ["streaming_generator.py", "recipe_names.py"])
def test_examples_print_their_trees_where_a_console_is_wanted(name):
    shown = start(name, OTEL_IA_CONSOLE="true", NO_COLOR="1", COLUMNS="80").stderr
    for word in promised_tree(name)[0].split():
        assert word in shown
    assert max(map(len, shown.splitlines())) <= 80
