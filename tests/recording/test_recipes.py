"""A program with home-made monitoring helpers works unchanged when only its imports are changed."""

import pytest

from otel_ia import log_execution, monitor_context, monitor_decorator

HELPERS = '''
"""The helpers that many a project has."""
import functools
import logging
import time
from contextlib import contextmanager

logger = logging.getLogger("helpers")


def log_execution(func):
    @functools.wraps(func)
    def wrapper(*args, **kwargs):
        logger.info("Starting %s", func.__name__)
        start = time.time()
        try:
            result = func(*args, **kwargs)
            logger.info("Completed %s in %.3f s", func.__name__, time.time() - start)
            return result
        except Exception as e:
            logger.error("Error in %s after %.3f s: %s", func.__name__, time.time() - start, e)
            raise

    return wrapper


def monitor_decorator(task_name):
    def decorator(func):
        @functools.wraps(func)
        def wrapper(*args, **kwargs):
            with monitor_context(task_name):
                return func(*args, **kwargs)

        return wrapper

    return decorator


@contextmanager
def monitor_context(task_name):
    logger.debug("Starting %s", task_name)
    start = time.time()
    try:
        yield
    except Exception as e:
        logger.error("Error in %s: %s", task_name, e)
        raise
    finally:
        logger.debug("Finished %s in %.3f s", task_name, time.time() - start)
'''

PROGRAM = '''
import json
import logging
import sys
from {home} import log_execution, monitor_context, monitor_decorator

logging.basicConfig(level=logging.DEBUG, stream=sys.stderr, format="%(levelname)s|%(message)s")
{configured}


class BadInput(ValueError):
    def __init__(self, row):
        super().__init__(f"row {{row}} is empty")
        self.row = row


class Pipeline:
    """Preprocessing, inference, postprocessing."""

    def __init__(self, weights):
        self.weights = weights

    @log_execution
    def preprocess(self, rows, *, scale=1.0):
        """Scales rows."""
        for number, row in enumerate(rows):
            if not row:
                raise BadInput(number)
        return [[value * scale for value in row] for row in rows]

    @monitor_decorator("inference")
    def infer(self, rows):
        return [sum(value * weight for value, weight in zip(row, self.weights)) for row in rows]

    @staticmethod
    @log_execution
    def postprocess(scores):
        return ["yes" if score > 1 else "no" for score in scores]

    def run(self, rows):
        with monitor_context("pipeline"):
            return self.postprocess(self.infer(self.preprocess(rows, scale=2.0)))


@log_execution
def stream(rows):
    yield from rows


results = []
pipeline = Pipeline([0.5, 1.5])
results.append(pipeline.run([[1, 2], [0, 0]]))
try:
    pipeline.run([[1, 2], []])
except BadInput as error:
    results.append([type(error).__name__, str(error), error.row, repr(error.__cause__), repr(error.__context__)])
results.append(list(stream([1, 2])))
results.append([pipeline.preprocess.__name__, Pipeline.preprocess.__doc__, pipeline.infer.__name__])
try:
    with monitor_context("division"):
        1 / 0
except ZeroDivisionError as error:
    results.append(str(error))
try:
    monitor_decorator("wrong")(pipeline.infer)()
except TypeError as error:
    results.append(str(error))
print(json.dumps(results))
'''


@pytest.mark.parametrize("configured", ["", "import otel_ia; otel_ia.configure(console=False, traces_exporter='none')"])
def test_one_program_with_both_imports(run_program, tmp_path, configured):
    (tmp_path / "helpers.py").write_text(HELPERS, encoding="utf-8")
    theirs = run_program(PROGRAM.format(home="helpers", configured=""))
    ours = run_program(PROGRAM.format(home="otel_ia", configured=configured))
    assert ours.stdout == theirs.stdout
    lines = [line for line in ours.stderr.splitlines() if "no output" not in line]
    levels = {line.partition("|")[0] for line in lines}
    assert levels == {"DEBUG", "INFO", "ERROR"}
    errors = [line for line in lines if line.startswith("ERROR")]
    assert [line.split("|")[1].split()[0] for line in errors] == [
        "Pipeline.preprocess",
        "pipeline",
        "division",
        "inference",
        "wrong",
    ]
    assert all(" after 0." in line for line in errors)
    assert "BadInput: row 1 is empty" in errors[0]
    assert sum("finished in 0.0" in line for line in lines) >= 5


def test_log_execution(telemetry, caplog):
    @log_execution
    def work(x):
        return x

    caplog.set_level("INFO")
    assert work(3) == 3
    assert [record.levelname for record in caplog.records] == ["INFO", "INFO"]
    assert telemetry.tree == ["work"]


def test_monitor_decorator(telemetry, caplog):
    caplog.set_level("INFO")

    @monitor_decorator("task")
    async def work():
        raise KeyError("x")

    with pytest.raises(KeyError), pytest.raises(StopIteration):
        work().send(None)
    assert [(record.levelname, record.getMessage().split()[0]) for record in caplog.records] == [
        ("INFO", "task"),
        ("ERROR", "task"),
    ]
    assert telemetry.span("task").status == "ERROR"


def test_monitor_context(telemetry, caplog):
    caplog.set_level("DEBUG")
    with monitor_context("task") as span:
        span.set_attribute("a", 1)
    assert [record.levelname for record in caplog.records] == ["DEBUG", "DEBUG"]
    assert telemetry.span("task").attributes["a"] == 1


def test_a_task_needs_a_name():
    with pytest.raises(TypeError):
        monitor_decorator()
    with pytest.raises(TypeError):
        monitor_context()
