"""The log outputs that write lines, as the settings want them: the console and a file."""

from collections.abc import Callable
from pathlib import Path
from typing import Final

from opentelemetry.sdk.resources import Resource

from otel_ia.configuration.levels import OutputLevels
from otel_ia.configuration.settings import Settings
from otel_ia.outputs.ecs import make_ecs
from otel_ia.outputs.file_output import file_output
from otel_ia.outputs.line_output import LineOutput, Render
from otel_ia.outputs.losses import Losses
from otel_ia.outputs.otlp_json import make_otlp_json
from otel_ia.outputs.rotation import Rotation
from otel_ia.outputs.text import render_text
from otel_ia.redaction import Redactor

_RENDERS: Final[dict[str, Callable[[Callable[[], Resource]], Render]]] = {
    "text": lambda _: render_text,
    "otlp": make_otlp_json,
    "ecs": make_ecs,
}


def make_line_outputs(
    settings: Settings,
    levels: OutputLevels,
    resource: Callable[[], Resource],
    redactor: Redactor | None,
    losses: Losses,
) -> list[LineOutput]:
    """What writes log records as lines; SettingError where the library for a shared file is missing."""
    outputs = []
    if settings.log_console in _RENDERS:
        from otel_ia.console.output import write_line

        render = _RENDERS[settings.log_console](resource)
        output = LineOutput(render, write_line, redactor=redactor)
        outputs.append(levels.add("console", output, settings.log_console_level))
    if settings.log_file is not None:
        rotation = Rotation(
            size=settings.log_file_size, period=settings.log_file_period, backups=settings.log_file_backups
        )
        output = file_output(
            Path(settings.log_file),
            _RENDERS[settings.log_file_format](resource),
            rotation,
            is_shared=settings.log_file_shared,
            redactor=redactor,
            losses=losses,
        )
        outputs.append(levels.add("file", output, settings.log_file_level))
    return outputs
