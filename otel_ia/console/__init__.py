"""Traces as readable trees in the terminal, for development."""

from otel_ia.console.processors import console_processors

__all__ = ["console_processors"]
