"""Secrets are taken out of telemetry before it reaches the disk, for spans and logs alike."""

from otel_ia.redaction.callback import Callback
from otel_ia.redaction.redactor import Redactor, make_redactor

__all__ = ["Callback", "Redactor", "make_redactor"]
