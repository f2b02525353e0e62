"""What waits in a spool, told to people and, as JSON, to programs."""

import json
from pathlib import Path
from typing import Final

from otel_ia.delivery.shipping.telling import size_in_words
from otel_ia.tools.lines import printable, wrapped
from otel_ia.tools.spool_waiting import Waiting

_UNITS: Final = ((86_400, "d"), (3_600, "h"), (60, "min"), (1, "s"))


def as_text(directory: Path, waiting: list[Waiting]) -> str:
    """A few lines for each group."""
    if not waiting:
        return "\n".join(wrapped(f"nothing is waiting in {printable(str(directory))}"))
    lines = wrapped(f"Waiting in {printable(str(directory))}:")
    for group in waiting:
        lines += [
            "",
            *wrapped(f"{name_of(group)}: {contents_of(group)}, {size_in_words(group.size)}, for {_age(group.age)}"),
        ]
        lines += wrapped(f"    {group.why}")
        if group.state in {"refused", "damaged"}:
            lines += [f"    {printable(path.name)}" for path in group.paths]
        lines += wrapped(f"    {_processes(group)}") if group.processes else []
        lines += [f"    fingerprint {_short(group)}"] if group.fingerprint else []
    return "\n".join(lines)


def as_json(directory: Path, waiting: list[Waiting]) -> str:
    """One entry for each group, with its files."""
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
            "is_alive": group.is_alive,
            "is_refused": group.state == "refused",
            "processes": group.processes,
            "fingerprint": _short(group),
            "files": [str(path) for path in group.paths],
        }
        for group in waiting
    ]
    return json.dumps({"directory": str(directory), "waiting": groups}, indent=2)


def name_of(group: Waiting) -> str:
    """The service, as it may be printed."""
    return printable(group.service) or "a service without a name"


def contents_of(group: Waiting) -> str:
    """How much there is of what."""
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


def _age(seconds: float) -> str:
    return next((f"{seconds // unit:.0f} {name}" for unit, name in _UNITS if seconds >= 2 * unit), f"{seconds:.0f} s")
