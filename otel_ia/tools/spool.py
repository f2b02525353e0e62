"""`otel-ia spool`: what waits to be delivered, for whom and why; `otel-ia spool send` delivers it now."""

import argparse
import sys
from pathlib import Path
from typing import Final

from otel_ia.configuration.resolution import resolve
from otel_ia.configuration.settings import Settings
from otel_ia.delivery.spooling.directory import default_directory
from otel_ia.tools.lines import say
from otel_ia.tools.spool_listing import as_json, as_text
from otel_ia.tools.spool_offering import offer_all
from otel_ia.tools.spool_waiting import find_waiting

DONE: Final = 0
SOMETHING_IS_LEFT: Final = 1
WRONG_USE: Final = 2


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of `otel-ia spool` and `otel-ia spool send`."""
    parser.add_argument("--directory", type=Path, help="the spool's directory; without it as the settings say")
    parser.add_argument("--json", action="store_true", help="print JSON, with one entry per group and its files")
    actions = parser.add_subparsers(dest="action", title="commands", metavar="[send]")
    description = "Delivers now what ended processes left."
    send = actions.add_parser("send", help="deliver now what ended processes left", description=description)
    send.add_argument("--directory", type=Path, default=argparse.SUPPRESS, help="the spool's directory")
    send.add_argument("--endpoint", help="send to this collector in place of the settings' one")
    send.add_argument("--refused", action="store_true", help="offer again what a server refused, too")
    send.add_argument("--yes", action="store_true", help="do not ask before what was not meant for this endpoint")


def run(arguments: argparse.Namespace) -> int:
    """What `otel-ia spool` does with its parsed options; returns the exit status."""
    is_sending = arguments.action == "send"
    settings = resolve({"endpoint": arguments.endpoint} if is_sending else {}).settings
    try:
        directory = _directory(arguments.directory, settings)
        waiting = find_waiting(directory, settings)
    except OSError as error:
        print(f"otel-ia: the spool cannot be read: {error}", file=sys.stderr)
        return WRONG_USE
    if is_sending:
        is_done = offer_all(directory, waiting, settings, is_agreed=arguments.yes, with_refused=arguments.refused)
        return DONE if is_done else SOMETHING_IS_LEFT
    say(as_json(directory, waiting) if arguments.json else as_text(directory, waiting))
    return DONE


def _directory(given: Path | None, settings: Settings) -> Path:
    if given is not None:
        return given.absolute()
    return Path(settings.spool_directory) if settings.spool_directory is not None else default_directory()
