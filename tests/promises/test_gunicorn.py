"""A web server that configures before it forks: its workers' telemetry is theirs, and none of it is lost."""

import http.client
import os
import re
import signal
import subprocess
import sys
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest
from polling import poll_until
from receiver import Receiver, plain

from .programs import deliver_what_is_left

pytest.importorskip("gunicorn", reason="pip install gunicorn")

APPLICATION = """
import os, time
import otel_ia

otel_ia.configure(service_name="promised", endpoint=os.environ["ENDPOINT"])

@otel_ia.monitor
def answer(number):
    with otel_ia.monitor("step", attributes={"number": number, "process": os.getpid()}):
        time.sleep(0.001)

answer(0)

def application(request, start_response):
    answer(int(request["QUERY_STRING"]))
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [str(os.getpid()).encode()]
"""


class Clients:
    """Two that ask as long as they are let, each with numbers of its own. Who answered what is kept."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._go_on = True
        self.asked = [0, 0]
        self.answered: dict[int, int] = {}
        self._threads = [threading.Thread(target=self._ask, args=(client,)) for client in range(2)]
        for thread in self._threads:
            thread.start()

    def _ask(self, client: int) -> None:
        while self._go_on:
            self.asked[client] += 1
            number = 2 * self.asked[client] + client
            connection = http.client.HTTPConnection("127.0.0.1", self._port, timeout=20)
            with suppress(OSError, http.client.HTTPException):  # its worker was killed
                connection.request("GET", f"/?{number}")
                self.answered[number] = int(connection.getresponse().read())
            connection.close()

    def count(self) -> Counter[int]:
        """How many answers each worker has given."""
        return Counter(self.answered.copy().values())

    def end(self) -> None:
        """Returns when the last has its answer."""
        self._go_on = False
        for thread in self._threads:
            thread.join()


@contextmanager
def serving(folder: Path, endpoint: str) -> Iterator[tuple[subprocess.Popen[str], int]]:
    (folder / "application.py").write_text(APPLICATION)
    options = ["--preload", "--workers=2", "--bind=127.0.0.1:0", f"--chdir={folder}", "--graceful-timeout=20"]
    process = subprocess.Popen(
        [sys.executable, "-m", "gunicorn", *options, "application"],
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "ENDPOINT": endpoint, "OTEL_EXPERIMENTAL_RESOURCE_DETECTORS": "process"},
    )
    assert process.stderr is not None
    try:
        for line in process.stderr:
            if found := re.search(r"Listening at: http://127.0.0.1:(\d+)", line):
                yield process, int(found[1])
                break
        else:
            raise AssertionError("it does not listen")
    finally:
        if process.poll() is None:
            process.kill()
        process.communicate()


def test_workers_of_a_preloaded_server_lose_double_and_mix_nothing(
    receiver: Receiver, spool: Path, tmp_path: Path
) -> None:
    with serving(tmp_path, receiver.endpoint) as (server, port):
        clients = Clients(port)
        try:
            poll_until(lambda: len(clients.count()) == 2 and min(clients.count().values()) >= 100)
            killed = next(iter(clients.count()))
            os.kill(killed, signal.SIGKILL)
            poll_until(lambda: len(clients.count()) == 3 and min(clients.count().values()) >= 100)
        finally:
            clients.end()
        server.send_signal(signal.SIGTERM)
        _, err = server.communicate(timeout=40)
        assert server.returncode == 0, err
    assert "Traceback" not in err
    assert "otel_ia" not in err
    largest = max(receiver.sizes)
    deliver_what_is_left(receiver, spool)

    steps = [(resource, plain(span.attributes)) for resource, span in receiver.spans_by_resource if span.name == "step"]
    made_by = {step["number"]: step["process"] for _, step in steps}
    assert made_by.pop(0) == server.pid
    assert made_by.items() >= clients.answered.items()
    assert len(made_by) - len(clients.answered) <= 1, "the killed worker may have been about to answer"
    assert len(steps) - len(made_by) - 1 <= largest
    once = Counter(step["number"] for _, step in steps if step["process"] != killed)
    assert set(once.values()) == {1}
    assert {resource["process.pid"] for resource, _ in steps} == {server.pid, *clients.count()}
    assert all(resource["process.pid"] == step["process"] for resource, step in steps)
    instances = {(resource["process.pid"], resource["service.instance.id"]) for resource, _ in steps}
    assert len(instances) == len({instance for _, instance in instances}) == 4
    assert len({span.span_id for span in receiver.spans}) == 2 * len({step["number"] for _, step in steps})
