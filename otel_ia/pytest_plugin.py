"""The pytest fixture `telemetry`. Loads nothing of OpenTelemetry until a test asks for it."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from otel_ia.testing import Recording


@pytest.fixture
def telemetry() -> Iterator["Recording"]:
    """What the test records: `telemetry.spans`, `telemetry.logs`, `telemetry.tree`."""
    from otel_ia.testing import record

    with record() as seen:
        yield seen
