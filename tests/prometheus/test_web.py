"""A web application of the user's shows everything, whichever of its workers is asked."""

import os
import re
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from .scraping import assert_nothing_fell, counting, fetch, free_port, parse, rows_of, total, wait_until

pytest.importorskip("gunicorn", reason="pip install gunicorn")

APPLICATION = """
import os, time
import otel_ia
from otel_ia.prometheus import registry
from prometheus_client import make_wsgi_app

otel_ia.configure(
    service_name="web",
    console=False,
    traces_exporter="none",
    metrics_exporter="prometheus",
    prometheus_port=int(os.environ["PROMETHEUS"]),
)
metrics = make_wsgi_app(registry())

@otel_ia.monitor
def answer():
    time.sleep(0.02)
    return str(os.getpid()).encode()

def application(request, start_response):
    if request["PATH_INFO"] == "/metrics":
        return [*metrics(request, lambda *found: start_response(found[0], found[1])), b""]
    if request["PATH_INFO"] == "/die":
        os._exit(9)
    body = answer()
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [body]
"""


@pytest.mark.parametrize("options", [["--preload"], []], ids=["preloaded", "each by itself"])
def test_any_worker_gives_the_counts_of_all_and_none_falls_when_one_is_replaced(
    tmp_path: Path, options: list[str]
) -> None:
    (tmp_path / "application.py").write_text(APPLICATION)
    own = free_port()
    arguments = [*options, "--workers=3", "--bind=127.0.0.1:0", f"--chdir={tmp_path}"]
    process = subprocess.Popen(
        [sys.executable, "-m", "gunicorn", *arguments, "application"],
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "PROMETHEUS": str(own), "XDG_STATE_HOME": str(tmp_path)},
    )
    try:
        assert process.stderr is not None
        lines = (re.search(r"Listening at: http://127.0.0.1:(\d+)", line) for line in process.stderr)
        port = int(next(found for found in lines if found)[1])
        workers: set[str] = set()
        asked = 0
        before: dict[object, float] = {}

        def ask(least: int) -> bool:
            nonlocal asked
            with ThreadPoolExecutor(6) as clients:
                workers.update(clients.map(lambda _: fetch(port, path="/"), range(6)))
            asked += 6
            return len(workers) >= least

        for least in (3, 4, 5):
            wait_until(lambda least=least: ask(least))
            for place in (port, port, port, own):
                rows = wait_until(lambda place=place: _rows(place))
                assert total(rows, "ia_call_duration_seconds_count", ia_operation="answer") == asked
                assert_nothing_fell(before, rows)
                before = dict(counting(rows))
            with pytest.raises(OSError):
                fetch(port, path="/die")
    finally:
        process.terminate()
        process.communicate()


def _rows(port: int) -> object:
    try:
        return rows_of(parse(fetch(port)))
    except OSError:
        return None
