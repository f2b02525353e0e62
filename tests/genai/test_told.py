"""What is told of a call that is described wrongly: once for each place, and never by an error."""

import decimal
import enum
import uuid

import pytest

from otel_ia.genai import agent, embeddings, inference, tool, workflow
from otel_ia.testing import record


class Model(enum.Enum):
    SMALL = "small"


def told(caplog):
    return [entry.getMessage() for entry in caplog.records if entry.name == "otel_ia"]


def test_what_is_no_name_and_no_number_is_recorded_as_it_is_and_told_once(caplog):
    with record() as seen:
        for _ in range(2):
            with inference(5, model=6, provider="y", temperature="hot", max_tokens=7) as call:
                call.record(input_tokens="many", response_model=8)
    attributes = seen.spans[0].attributes
    assert (attributes["gen_ai.request.model"], attributes["gen_ai.request.temperature"]) == ("6", "hot")
    lines = told(caplog)
    assert [line.partition(" at ")[0] for line in lines] == [
        "model was given as int",
        "operation was given as int",
        "temperature was given as str",
        "input_tokens was given as str",
        "response_model was given as int",
    ]
    assert ["is not text" in line for line in lines] == [True, True, False, False, True]
    assert all(f"{__file__}:" in line for line in lines)
    assert not [line for line in lines if "hot" in line or "many" in line]


@pytest.mark.parametrize(
    ("wrong", "named"),
    [
        (lambda: embeddings(provider="p", model=b"m", dimension_count="wide"), ["model", "dimension_count"]),
        (lambda: tool(5, kind=6, agent_name=7), ["name", "kind", "agent_name"]),
        (lambda: agent(5, model=6, provider=7, top_p=[1]), ["name", "model", "provider", "top_p"]),
        (lambda: workflow(5), ["name"]),
        (lambda: inference(provider=None, server_port="443", server_address=1), ["server_address", "server_port"]),
        (lambda: inference(provider="p", seed=True), ["seed"]),
    ],
    ids=["embeddings", "tool", "agent", "workflow", "server", "flag"],
)
def test_every_kind_of_call_tells_of_it(caplog, wrong, named):
    with record() as seen, wrong():
        pass
    assert len(seen.spans) == 1
    assert [line.partition(" was given as ")[0] for line in told(caplog)] == named


@pytest.mark.parametrize("number", [0.2, 2, 1 << 70, float("nan"), None])
def test_numbers_and_names_of_any_kind_are_taken_without_a_word(caplog, number):
    ids = {"conversation_id": uuid.UUID(int=1)}
    with record(), inference(model=Model.SMALL, provider="p", seed=number, temperature=number, **ids) as call:
        call.record(response_id=5, output_tokens=12.0, finish_reasons="stop")
    with record(), tool("t", tool_call_id=7, tool_arguments=decimal.Decimal(1)):
        pass
    assert told(caplog) == []


def test_numbers_of_numpy_are_numbers(caplog):
    np = pytest.importorskip("numpy")
    with record(), inference(model="m", provider="p", temperature=np.float32(0.5), seed=np.int64(1)):
        pass
    assert told(caplog) == []


@pytest.mark.parametrize("answer", ["nonsense", None, {}, 5, object()])
def test_an_answer_that_says_nothing_is_told_of_once(caplog, answer):
    with record(), inference(model="m", provider="p") as call:
        for _ in range(2):
            call.record(answer)
    (line,) = told(caplog)
    assert line.startswith(f"call.record(…) of {type(answer).__name__} at {__file__}:")
    assert "nonsense" not in line


def test_an_answer_that_says_something_is_not(caplog):
    with record(), inference(model="m", provider="p") as call:
        call.record({"model": "m-1"})
        call.record(None, input_tokens=7)
        call.record("the answer", output_tokens=7)
        list(call.stream(["a", {}]))
    assert told(caplog) == []
