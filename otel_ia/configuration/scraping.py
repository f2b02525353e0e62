"""Puts the settings of the Prometheus endpoint into effect."""

import hashlib
import logging
import re
from pathlib import Path
from typing import Final

from opentelemetry.sdk.resources import Resource

from otel_ia import semconv
from otel_ia.configuration.settings import Settings
from otel_ia.delivery.spooling.directory import default_directory
from otel_ia.prometheus.scrapes import Scrapes
from otel_ia.redaction import Redactor
from otel_ia.sdk.reading import Reading

_logger: Final = logging.getLogger("otel_ia")


def make_scrapes(settings: Settings, resource: Resource, reading: Reading, redactor: Redactor | None) -> Scrapes:
    """What answers Prometheus as the settings want it."""
    service = str(resource.attributes.get(semconv.SERVICE_NAME, ""))
    return Scrapes(
        reading,
        directory=_group_directory(settings, service),
        host=settings.prometheus_host,
        port=settings.prometheus_port,
        redactor=redactor,
    )


def _group_directory(settings: Settings, service: str) -> Path | None:
    """A directory for each service and address; None where the user has no home."""
    given = settings.prometheus_directory
    try:
        base = Path(given) if given is not None else default_directory("prometheus")
    except OSError as error:
        _logger.warning("%s: Prometheus sees each process alone; set OTEL_IA_PROMETHEUS_DIRECTORY", error)
        return None
    key = f"{service}\0{settings.prometheus_host}\0{settings.prometheus_port}"
    readable = re.sub(r"[^a-zA-Z0-9_.-]", "_", service)[:40].lstrip(".")
    return base / f"{readable}-{hashlib.sha256(key.encode()).hexdigest()[:16]}"
