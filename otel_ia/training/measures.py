"""What is measured of each step, recorded or not."""

from typing import Final

from otel_ia import semconv
from otel_ia.recording.measures import NANOSECONDS, Measure

_SECONDS: Final = (
    *(0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5),
    *(1.0, 2.5, 5.0, 10.0, 30.0, 60.0),
)
_RATES: Final = (1.0, 4.0, 16.0, 64.0, 256.0, 1024.0, 4096.0, 16384.0, 65536.0, 262144.0, 1048576.0)

STEP_DURATION: Final = Measure(
    semconv.TRAINING_STEP_DURATION, "s", "From asking for a batch to the end of its step.", _SECONDS, NANOSECONDS
)
DATA_WAIT: Final = Measure(semconv.TRAINING_DATA_WAIT, "s", "How long batches were waited for.", _SECONDS, NANOSECONDS)
RATE: Final = Measure(semconv.TRAINING_RATE, "{sample}/s", "Samples a second of a step.", _RATES, 1_000)
