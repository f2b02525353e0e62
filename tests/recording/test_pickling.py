"""Monitored functions travel to other processes."""

import pytest

MODULE = """
import asyncio
from otel_ia import monitor

@monitor("task", attributes={"a": 1})
def task(x):
    return x * 2

@monitor
def stream(n):
    yield from range(n)

@monitor
class Model:
    def __init__(self, scale):
        self.scale = scale
    def predict(self, x):
        return x * self.scale

class Plain:
    def predict(self, x):
        return x + 1

predict = monitor(Plain().predict)
"""


def test_functions_methods_and_instances_reach_spawned_processes(run_program, tmp_path):
    (tmp_path / "work.py").write_text(MODULE, encoding="utf-8")
    run_program(
        """
import concurrent.futures, multiprocessing, pickle
import work

if __name__ == "__main__":
    assert pickle.loads(pickle.dumps(work.task)) is work.task
    assert pickle.loads(pickle.dumps(work.stream)) is work.stream
    with concurrent.futures.ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as pool:
        assert list(pool.map(work.task, [1, 2])) == [2, 4]
        assert pool.submit(work.Model(3).predict, 2).result() == 6
        assert pool.submit(work.predict, 2).result() == 3
"""
    )


@pytest.mark.parametrize("configured", [False, True])
def test_functions_of_the_main_program_are_sent_by_value(run_program, configured):
    pytest.importorskip("cloudpickle")
    run_program(
        f"""
import cloudpickle, pickle, subprocess, sys
import otel_ia
from otel_ia import monitor
if {configured}:
    otel_ia.configure(console=True)

@monitor(log="DEBUG", attributes={{"a": 1}})
def task(x):
    if x < 0:
        raise ValueError(x)
    return x * 2

@monitor("outer")
def outer(x):
    return task(x)

task(1)
sent = cloudpickle.dumps(outer)
program = '''
import pickle, sys
from otel_ia.testing import record
outer = pickle.loads(sys.stdin.buffer.read())
with record() as seen:
    assert outer(4) == 8
    try:
        outer(-1)
    except ValueError:
        pass
assert seen.tree == ["outer", ["task"]] * 2, seen.tree
assert [len(span.exceptions) for span in seen.spans] == [0, 0, 1, 0]
'''
subprocess.run([sys.executable, "-W", "error", "-c", program], input=sent, check=True)
"""
    )
