"""Real programs as servers of a test: started on free loopback ports, waited for, stopped, started again."""

from __future__ import annotations

import http.client
import os
import secrets
import signal
import socket
import subprocess
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypeVar
from urllib.parse import urlencode

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

T = TypeVar("T")

HOST = "127.0.0.1"
PATIENCE = 60.0  # seconds; generous, because a machine that runs tests is busy with other things too
_given: set[int] = set()


def free_port() -> int:
    """A loopback port nobody listens on, below those the system hands to outgoing connections: a program that is down
    for a while finds it free when it comes back. Not from `random`, whose seed the workers of a test run share."""
    while True:
        port = 10_000 + secrets.randbelow(20_000)
        if port in _given:
            continue
        with socket.socket() as probe:
            try:
                probe.bind((HOST, port))
            except OSError:
                continue
        _given.add(port)
        return port


def wait_until(look: Callable[[], T], what: str, *, timeout: float = PATIENCE) -> T:
    """The first true answer of `look`, asked over and over; otherwise TimeoutError with `what` and the last answer."""
    deadline = time.monotonic() + timeout
    while True:
        answer = look()
        if answer:
            return answer
        if time.monotonic() > deadline:
            raise TimeoutError(f"waited {timeout:.0f} s for {what}, last answer: {answer!r}")
        time.sleep(0.05)


def fetch(port: int, path: str, query: Mapping[str, str] | None = None, *, accept: str = "*/*") -> tuple[int, str]:
    """Status and body of a GET on the loopback address, past any proxy of the environment. Status 0: nobody there."""
    connection = http.client.HTTPConnection(HOST, port, timeout=10)
    try:
        connection.request("GET", f"{path}?{urlencode(query)}" if query else path, headers={"Accept": accept})
        response = connection.getresponse()
        return response.status, response.read().decode()
    except (OSError, http.client.HTTPException) as error:
        return 0, repr(error)
    finally:
        connection.close()


def send(
    port: int, method: str, path: str, body: str | bytes, content_type: str = "application/json"
) -> tuple[int, str]:
    """Status and body of the answer to a request that brings something."""
    connection = http.client.HTTPConnection(HOST, port, timeout=PATIENCE)
    try:
        content = body.encode() if isinstance(body, str) else body
        connection.request(method, path, content, {"Content-Type": content_type})
        response = connection.getresponse()
        return response.status, response.read().decode()
    finally:
        connection.close()


def run(command: Sequence[str | Path], **environment: str) -> subprocess.CompletedProcess[str]:
    """A program run to its end, with its output as text."""
    return subprocess.run(command, env={**os.environ, **environment}, capture_output=True, text=True, check=False)


@dataclass(slots=True)
class Program:
    """One server. Its output goes to `<folder>/output.log`, appended over restarts, and is shown when a start fails."""

    command: Sequence[str | Path]
    folder: Path
    health: tuple[int, str]  # port and path that answer 200 once it is ready
    environment: Mapping[str, str] = field(default_factory=dict)
    _process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        if self._process is not None:
            return
        inherited = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
        with self.output.open("ab") as output:
            self._process = subprocess.Popen(
                [str(part) for part in self.command],
                cwd=self.folder,
                env={**inherited, **self.environment},
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
            )
        try:
            wait_until(self._is_ready, "its readiness")
        except BaseException as error:
            self.stop()
            raise RuntimeError(f"{self.command[0]} did not start ({error}); its output:\n{self.tail()}") from error

    def stop(self, *, kill: bool = False) -> None:
        """Ends the process by its id and waits for the end; `kill` gives it no chance to tidy up."""
        process, self._process = self._process, None
        if process is None:
            return
        process.send_signal(signal.SIGKILL if kill else signal.SIGTERM)
        try:
            process.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
            raise

    @property
    def output(self) -> Path:
        return self.folder / "output.log"

    def tail(self, lines: int = 40) -> str:
        return "\n".join(self.output.read_text(errors="replace").splitlines()[-lines:])

    def _is_ready(self) -> bool:
        if self._process is None or self._process.poll() is not None:
            raise RuntimeError("it ended at once")
        port, path = self.health
        return fetch(port, path)[0] == http.client.OK
