"""A spool of its own for the programs of each test, and servers that are not there."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from receiver import receiving

from .tally import Tally, tallying


@pytest.fixture(autouse=True)
def spool(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    return tmp_path / "otel_ia" / "spool"


@pytest.fixture
def tally() -> Iterator[Tally]:
    """A collector that counts what it gets."""
    with tallying() as counting:
        yield counting


@pytest.fixture
def nobody() -> str:
    """An endpoint where nothing listens."""
    with receiving() as gone:
        return gone.endpoint
