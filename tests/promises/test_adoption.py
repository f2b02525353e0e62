"""What a dead process leaves is adopted by its like alone: same user, service, endpoint and token."""

from pathlib import Path

import pytest
from receiver import receiving

from .programs import deliver_what_is_left, finish, numbers

RECORDING = "work(2)\nassert telemetry.flush(20)"  # it sends its own after it has looked for what others left
ONE_SIGNAL = {"OTEL_METRICS_EXPORTER": "none"}
TOKEN = {"OTEL_EXPORTER_OTLP_HEADERS": "authorization=Bearer%20one", **ONE_SIGNAL}
OTHER_TOKEN = {"OTEL_EXPORTER_OTLP_HEADERS": "authorization=Bearer%20another", **ONE_SIGNAL}
STRANGERS = {
    "another service": ({"SERVICE": "another", **TOKEN}, False),
    "another token": (OTHER_TOKEN, False),
    "no token": (ONE_SIGNAL, False),
    "another endpoint": (TOKEN, True),
}


@pytest.mark.parametrize(("environment", "is_elsewhere"), STRANGERS.values(), ids=STRANGERS)
def test_a_stranger_adopts_nothing_and_the_next_of_its_kind_does(
    nobody: str,
    spool: Path,
    monkeypatch: pytest.MonkeyPatch,
    environment: dict[str, str],
    is_elsewhere: bool,
) -> None:
    finish("work(1)", nobody, **TOKEN)
    (left,) = spool.glob("*.segment")
    with receiving(port=int(nobody.rpartition(":")[2])) as receiver, receiving() as elsewhere:
        asked = elsewhere if is_elsewhere else receiver
        _, err, status = finish(RECORDING, asked.endpoint, **environment)
        assert (err, status) == ("", 0)
        assert numbers(receiver, elsewhere) == [2]
        assert left.exists()
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_HEADERS", TOKEN["OTEL_EXPORTER_OTLP_HEADERS"])
        deliver_what_is_left(receiver, spool)
        assert numbers(asked)[-1] == 2
        assert 1 in numbers(receiver)
        assert receiver.headers[-1]["authorization"] == "Bearer one"
