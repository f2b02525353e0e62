"""Instrument a session of ONNX Runtime: each run is a span with batch, device and execution provider.

The model is Magika's, a real one that its package ships: it tells of what kind a file is by its first and last bytes.
It is given this folder, half of the files at a time. It gives one trace:

    sort
    ├─ magika.run  model=magika
    └─ magika.run  model=magika
"""

import json
from collections import Counter
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import onnxruntime

from otel_ia import configure, instrument, monitor

PADDING = 256
SIZE = 1_024


def features(file: Path) -> list[int]:
    """The first and the last 1,024 bytes, as the model wants them."""
    content = file.read_bytes()
    first, last = content.lstrip()[:SIZE], content.rstrip()[-SIZE:]
    return [*first, *[PADDING] * (2 * SIZE - len(first) - len(last)), *last]


if __name__ == "__main__":
    package = find_spec("magika")
    if package is None or package.origin is None:
        raise SystemExit("needs: python -m pip install magika")
    folder = next((Path(package.origin).parent / "models").iterdir())
    kinds = json.loads((folder / "config.min.json").read_text())["target_labels_space"]
    session = onnxruntime.InferenceSession(folder / "model.onnx", providers=["CPUExecutionProvider"])
    files = sorted(file for file in Path(__file__).parent.iterdir() if file.is_file())
    found: Counter[str] = Counter()
    with configure(service_name="folder"), instrument(session, "magika", model="magika"), monitor("sort"):
        for batch in np.array_split(np.array([features(file) for file in files], np.int32), 2):
            (chances,) = session.run(["target_label"], {"bytes": batch})
            found.update(kinds[number] for number in np.argmax(chances, axis=1))
    print(", ".join(f"{count} {kind}" for kind, count in found.most_common()))
