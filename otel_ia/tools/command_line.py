"""`otel-ia`: finds the subcommand, loads its module alone, and turns whatever ends it into an exit status."""

import argparse
import importlib
import os
import signal
import sys
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Final

from otel_ia import SettingError, __version__

DONE: Final = 0
WRONG_USE: Final = 2
INTERRUPTED: Final = 128 + signal.SIGINT
BROKEN_PIPE: Final = 128 + 13
"""What a shell reports of a program that SIGPIPE ends; the signal has no name on Windows."""


@dataclass(frozen=True, slots=True)
class Subcommand:
    """One row of the table. Its module has `add_arguments(parser)` and `run(namespace)`, which returns the status."""

    name: str
    module: str
    help: str


SUBCOMMANDS: Final = (
    Subcommand("demo", "otel_ia.tools.demo", "train on real handwritten digits, serve requests, show the traces"),
    Subcommand("config", "otel_ia.tools.config", "print every setting, its value and where it came from"),
    Subcommand("check", "otel_ia.tools.check", "send one of each signal and tell what becomes of it, and why not"),
    Subcommand("spool", "otel_ia.tools.spool", "list what waits to be delivered, or send it now"),
)


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs `otel-ia` with these arguments, by default the process's; returns the exit status."""
    try:
        status = _run(list(sys.argv[1:] if arguments is None else arguments))
        sys.stdout.flush()
    except SettingError as error:
        print(f"otel-ia: {error}", file=sys.stderr)
        return WRONG_USE
    except KeyboardInterrupt:
        return INTERRUPTED
    except BrokenPipeError:
        _forget_stdout()
        return BROKEN_PIPE
    return status


def _run(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(prog="otel-ia", description="OpenTelemetry for AI inference and training code.")
    parser.add_argument("--version", action="version", version=f"otel-ia {__version__}")
    subparsers = parser.add_subparsers(dest="subcommand", title="commands", metavar="command")
    asked = next((argument for argument in arguments if not argument.startswith("-")), None)
    run = None
    for subcommand in SUBCOMMANDS:
        subparser = subparsers.add_parser(
            subcommand.name, help=subcommand.help, description=f"{subcommand.help.capitalize()}."
        )
        if subcommand.name == asked:
            module = importlib.import_module(subcommand.module)
            module.add_arguments(subparser)
            run = module.run
    namespace = parser.parse_args(arguments)
    if run is None:
        parser.print_help(sys.stderr)
        return WRONG_USE
    status: int = run(namespace)
    return status


def _forget_stdout() -> None:
    """Without this the interpreter flushes the broken pipe once more while it ends, and complains."""
    with suppress(OSError, ValueError, AttributeError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
