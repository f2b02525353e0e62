"""`otel-ia spool`: what waits to be delivered, for whom and why; `otel-ia spool send` delivers it now."""

import argparse
import json
import sys
from pathlib import Path
from typing import Final

from otel_ia.configuration.resolution import resolve
from otel_ia.configuration.settings import Destination, Settings
from otel_ia.delivery.shipping.destination import shown
from otel_ia.delivery.spooling.directory import default_directory
from otel_ia.tools.lines import printable, wrapped
from otel_ia.tools.spool_sending import Sent, send_left
from otel_ia.tools.spool_waiting import WHY, Waiting, find_waiting

DELIVERED: Final = 0
SOMETHING_IS_LEFT: Final = 1
WRONG_USE: Final = 2
_STEP: Final = 1024
_UNITS: Final = ((86_400, "d"), (3_600, "h"), (60, "min"), (1, "s"))


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of `otel-ia spool` and `otel-ia spool send`."""
    parser.add_argument("--directory", type=Path, help="the spool's directory; without it as the settings say")
    parser.add_argument("--json", action="store_true", help="print JSON, with one entry per group and its files")
    actions = parser.add_subparsers(dest="action", metavar="send")
    description = "Delivers now what ended processes left."
    send = actions.add_parser("send", help="deliver now what ended processes left", description=description)
    send.add_argument("--directory", type=Path, default=argparse.SUPPRESS, help="the spool's directory")
    send.add_argument("--endpoint", help="send to this collector in place of the settings' one")
    send.add_argument("--yes", action="store_true", help="also what was meant for another endpoint, without asking")


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
        return _send(directory, waiting, settings, is_agreed=arguments.yes)
    print(_as_json(directory, waiting) if arguments.json else _as_text(directory, waiting))
    return DELIVERED


def _directory(given: Path | None, settings: Settings) -> Path:
    if given is not None:
        return given.absolute()
    return Path(settings.spool_directory) if settings.spool_directory is not None else default_directory()


def _as_text(directory: Path, waiting: list[Waiting]) -> str:
    if not waiting:
        return "\n".join(wrapped(f"nothing is waiting in {printable(str(directory))}"))
    lines = wrapped(f"Waiting in {printable(str(directory))}:")
    for group in waiting:
        lines += ["", *wrapped(f"{_name(group)}: {_contents(group)}, {_size(group.size)}, for {_age(group.age)}")]
        lines += wrapped(f"    {group.why}")
        if group.state in {"refused", "damaged"}:
            lines += [f"    {printable(path.name)}" for path in group.paths]
        lines += wrapped(f"    {_processes(group)}") if group.processes else []
        lines += [f"    fingerprint {_short(group)}"] if group.fingerprint else []
    return "\n".join(lines)


def _as_json(directory: Path, waiting: list[Waiting]) -> str:
    groups = [
        {
            "service": group.service,
            "signal": group.signal,
            "state": group.state,
            "why": group.why,
            "spans": group.spans,
            "open_spans": group.open_spans,
            "log_records": group.logs,
            "metrics": group.metrics,
            "bytes": group.size,
            "age": group.age,
            "is_alive": group.state == "alive",
            "is_refused": group.state == "refused",
            "processes": group.processes,
            "fingerprint": _short(group),
            "files": [str(path) for path in group.paths],
        }
        for group in waiting
    ]
    return json.dumps({"directory": str(directory), "waiting": groups}, indent=2)


def _send(directory: Path, waiting: list[Waiting], settings: Settings, *, is_agreed: bool) -> int:
    left = [group for group in waiting if group.state in {"left", "foreign", "unaddressed"}]
    for group in waiting:
        if group not in left:
            _say(f"{_name(group)}: {_contents(group)} left there: {group.why}")
    if not left:
        _say("nothing is waiting that can be sent")
        return DELIVERED
    is_left = False
    for group in left:
        destination: Destination = getattr(settings, group.signal)
        if destination.endpoint is None:
            _say(f"{_name(group)}: {_contents(group)} left there: {WHY['unaddressed']}; name one with --endpoint")
            is_left = True
        elif group.state == "left" or is_agreed or _asks(group, destination):
            address = shown(destination.endpoint)
            sent = send_left(directory, group.fingerprint, signal=group.signal, destination=destination)
            _say(f"{_name(group)}: {_result(sent, group, address)}")
            is_left = is_left or bool(sent.failure)
        else:
            hint = "" if _is_terminal() else "; --yes sends it all the same"
            _say(
                f"{_name(group)}: {_contents(group)} left there: meant for another endpoint or other credentials{hint}"
            )
            is_left = True
    return SOMETHING_IS_LEFT if is_left else DELIVERED


def _asks(group: Waiting, destination: Destination) -> bool:
    """Whether a person at the terminal agrees to send it where it was not meant to go."""
    if not _is_terminal():
        return False
    headers = f", with the headers {', '.join(destination.headers)}" if destination.headers else ""
    question = (
        f"{_name(group)}: {_contents(group)} were meant for another endpoint or other credentials. "
        f"Send them to {shown(destination.endpoint or '')}{headers}? [y/N] "
    )
    try:
        return input("\n".join(wrapped(question)) + " ").strip().lower() in {"y", "yes"}
    except EOFError:
        return False


def _is_terminal() -> bool:
    return sys.stdin is not None and sys.stdin.isatty()


def _result(sent: Sent, group: Waiting, address: str) -> str:
    parts = [f"{sent.delivered:,} delivered to {address}"]
    if sent.rejected:
        parts.append(f"{sent.rejected:,} rejected by the server")
    if sent.set_aside:
        parts.append(f"{sent.set_aside:,} refused and set aside")
    if sent.failure:
        parts.append(f"the rest stays: {sent.failure}")
    elif not (sent.delivered or sent.rejected or sent.set_aside) and group.size:
        parts.append("another process has taken it over meanwhile")
    return "; ".join(parts)


def _say(text: str) -> None:
    print("\n".join(wrapped(text)))


def _name(group: Waiting) -> str:
    return printable(group.service) or "a service without a name"


def _contents(group: Waiting) -> str:
    counts = (
        (group.spans, "span", "spans"),
        (group.open_spans, "open span", "open spans"),
        (group.logs, "log record", "log records"),
        (group.metrics, "export of metrics", "exports of metrics"),
    )
    named = [f"{count:,} {one if count == 1 else many}" for count, one, many in counts if count]
    return ", ".join(named) or "nothing readable"


def _processes(group: Waiting) -> str:
    pids = [str(process) for process in group.processes[:8]]
    more = [f"{len(group.processes) - 8} more"] if len(group.processes) > len(pids) else []
    return f"{'process' if len(group.processes) == 1 else 'processes'} {', '.join(pids + more)}"


def _short(group: Waiting) -> str:
    return group.fingerprint.hex()[:8]


def _size(count: float) -> str:
    if count < _STEP:
        return f"{count:.0f} bytes"
    return f"{count / _STEP:.0f} KiB" if count < _STEP**2 else f"{count / _STEP**2:.1f} MiB"


def _age(seconds: float) -> str:
    return next((f"{seconds // unit:.0f} {name}" for unit, name in _UNITS if seconds >= 2 * unit), f"{seconds:.0f} s")
