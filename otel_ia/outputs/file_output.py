"""Log records into a file."""

from pathlib import Path

from otel_ia.outputs.line_output import LineOutput, Render
from otel_ia.outputs.losses import Losses
from otel_ia.outputs.own_file import OwnFile
from otel_ia.outputs.rotation import Rotation
from otel_ia.outputs.shared_file import SharedFile
from otel_ia.redaction import Redactor


def file_output(  # noqa: PLR0913 - what a file consists of
    path: Path, render: Render, rotation: Rotation, *, is_shared: bool, redactor: Redactor | None, losses: Losses
) -> LineOutput:
    """What writes records to the file; what it cannot write it counts, tells and forgets.

    Raises:
        SettingError: the file is to be shared and the library for that is missing.
    """
    file = SharedFile(path, rotation) if is_shared else OwnFile(path, rotation, losses)

    def write(line: str) -> None:
        try:
            file.write(line)
        except OSError as error:
            losses.lost(error)
        else:
            losses.written()

    def close() -> None:
        file.close()
        losses.tell(at_once=True)

    return LineOutput(render, write, redactor=redactor, close=close)
