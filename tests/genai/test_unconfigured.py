"""Where nothing is configured, or the library is missing, or the telemetry ends: the program is as it was."""

import subprocess
import sys
from pathlib import Path

import pytest

import otel_ia
from otel_ia.genai import inference, tool
from otel_ia.testing import record


def run(program, *options):
    command = [sys.executable, "-W", "error", *options, "-c", program]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    return done.stdout, done.stderr, done.returncode


def test_it_is_there_without_an_import_of_its_own_and_loads_nothing_before():
    program = """
import sys, otel_ia
heavy = ("opentelemetry.util.genai", "opentelemetry.sdk", "otel_ia.genai", "wrapt")
assert not [name for name in sys.modules if name.startswith(heavy)]
assert "genai" in dir(otel_ia)
otel_ia.genai.inference
assert not [name for name in sys.modules if name.startswith(("opentelemetry.util.genai", "opentelemetry.sdk"))]
with otel_ia.genai.inference(model="m", provider="openai") as call:
    assert list(call.stream("ab")) == ["a", "b"]
    call.record(input_tokens=1)
assert not [name for name in sys.modules if name.startswith("opentelemetry.sdk")]
"""
    assert run(program) == ("", "", 0)


def test_a_missing_library_is_told_with_the_command_that_installs_it():
    program = """
import sys
class Missing:
    def find_spec(self, name, *_):
        if name == "opentelemetry.util.genai":
            raise ModuleNotFoundError(name, name=name)
sys.meta_path.insert(0, Missing())
import otel_ia
for open_call in (
    lambda: otel_ia.genai.inference(model="m", provider="openai"),
    lambda: otel_ia.genai.embeddings(provider="openai"),
    lambda: otel_ia.genai.tool("look"),
    lambda: otel_ia.genai.agent("helper"),
    lambda: otel_ia.genai.workflow("plan"),
):
    try:
        open_call()
    except otel_ia.MissingLibraryError as error:
        print(error)
"""
    line = 'opentelemetry.util.genai is not installed: python -m pip install "otel_ia[genai]"\n'
    assert run(program) == (line * 5, "", 0)


def test_the_command_installs_what_is_needed():
    tomllib = pytest.importorskip("tomllib")
    project = tomllib.loads((Path(__file__).parents[2] / "pyproject.toml").read_text())["project"]
    (needed,) = project["optional-dependencies"]["genai"]
    assert needed.startswith("opentelemetry-util-genai>=")


def test_disabled_it_records_nothing_and_passes_all_on(receiver):
    asked = inference(model="m", provider="openai")
    with otel_ia.configure(endpoint=receiver.endpoint, disabled=True), pytest.raises(ValueError), asked as call:
        call.record(input_tokens=1)
        assert not call.span.is_recording()
        assert list(call.stream("ab")) == ["a", "b"]
        raise ValueError
    assert receiver.spans == []


def test_disabled_it_leaves_another_librarys_provider_alone():
    program = """
from opentelemetry import trace
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
import otel_ia
spans, provider = InMemorySpanExporter(), TracerProvider()
provider.add_span_processor(SimpleSpanProcessor(spans))
trace.set_tracer_provider(provider)
for disabled in (True, False):
    with otel_ia.configure(disabled=disabled, console=False):
        with otel_ia.genai.inference(model=f"m{disabled}", provider="openai"):
            pass
print([span.name for span in spans.get_finished_spans()])
"""
    assert run(program) == ("['chat mFalse']\n", "", 0)


def test_after_the_shutdown_it_records_nothing_and_says_nothing(receiver, caplog):
    with otel_ia.configure(endpoint=receiver.endpoint), inference(model="before", provider="openai"):
        pass
    with inference(model="after", provider="openai"), tool("look"):
        pass
    assert [span.name for span in receiver.spans] == ["chat before"]
    assert caplog.records == []


def test_one_that_is_open_when_the_telemetry_ends_disturbs_nobody(receiver):
    asked = inference(model="m", provider="openai")
    with otel_ia.configure(endpoint=receiver.endpoint) as telemetry, asked as call:
        telemetry.shutdown()
        call.record(input_tokens=1)


def test_one_that_began_before_the_telemetry_is_no_error():
    with inference(model="early", provider="openai") as call, record() as seen:
        call.record(input_tokens=1)
        with inference(model="late", provider="openai"):
            pass
    assert "chat late" in (seen.names or ["chat late"])
