"""Sends what waits in a spool, after asking a person where it was not meant to go, and tells what became of it."""

import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from otel_ia.configuration.settings import Destination, Settings
from otel_ia.delivery.shipping.destination import shown
from otel_ia.tools.lines import say, wrapped
from otel_ia.tools.spool_listing import contents_of, name_of
from otel_ia.tools.spool_sending import Sent, send_left, send_refused
from otel_ia.tools.spool_waiting import WHY, State, Waiting

_OBJECTIONS: Final[Mapping[State, str]] = {
    "left": "",
    "undecided": "a running process has yet to decide whether to keep it",
    "foreign": "meant for another endpoint or other credentials",
    "unaddressed": "the settings here name no endpoint",
    "kept": "kept without an endpoint",
    "refused": "refused by a server",
}
"""Of each state that can be sent, what a person has to agree to."""


def offer_all(
    directory: Path, waiting: list[Waiting], settings: Settings, *, is_agreed: bool, with_refused: bool
) -> bool:
    """Whether all that could be sent has arrived."""
    sendable = _OBJECTIONS.keys() - (set() if with_refused else {"refused"})
    for group in waiting:
        if group.state not in sendable:
            _tell(group, f"{contents_of(group)} left there: {group.why}")
    offered = [group for group in waiting if group.state in sendable]
    if not offered:
        say("nothing is waiting that can be sent")
    results = [_offer(directory, group, getattr(settings, group.signal), is_agreed=is_agreed) for group in offered]
    return all(results)


def _offer(directory: Path, group: Waiting, destination: Destination, *, is_agreed: bool) -> bool:
    objection = _OBJECTIONS[group.state]
    if destination.endpoint is None:
        _tell(group, f"{contents_of(group)} left there: {WHY['unaddressed']}; name one with --endpoint")
        return False
    if objection and not is_agreed and not _asks(group, objection, destination):
        hint = "" if _is_terminal() else "; --yes sends it all the same"
        _tell(group, f"{contents_of(group)} left there: {objection}{hint}")
        return False
    if group.state == "refused":
        sent = send_refused(group.paths, signal=group.signal, destination=destination)
    else:
        is_undecided = group.state == "undecided"
        sent = send_left(
            directory, group.fingerprint, signal=group.signal, destination=destination, is_undecided=is_undecided
        )
    _tell(group, _result(sent, group, shown(destination.endpoint)))
    return not (sent.failure or (sent.set_aside and group.state == "refused"))


def _asks(group: Waiting, objection: str, destination: Destination) -> bool:
    """Whether a person at the terminal agrees."""
    if not _is_terminal():
        return False
    headers = f", with the headers {', '.join(destination.headers)}" if destination.headers else ""
    address = shown(destination.endpoint or "")
    question = f"{name_of(group)}: {contents_of(group)}, {objection}. Send to {address}{headers}? [y/N]"
    say("\n".join(wrapped(question)), end=" ")
    try:
        return input().strip().lower() in {"y", "yes"}
    except EOFError:
        return False


def _is_terminal() -> bool:
    return sys.stdin is not None and sys.stdin.isatty()


def _result(sent: Sent, group: Waiting, address: str) -> str:
    parts = [f"{sent.delivered:,} delivered to {address}"]
    if sent.rejected:
        parts.append(f"{sent.rejected:,} rejected by the server")
    if sent.set_aside:
        again = "again " if group.state == "refused" else ""
        parts.append(f"{sent.set_aside:,} refused {again}and set aside")
    if sent.dropped_earlier:
        parts.append(f"{sent.dropped_earlier:,} dropped earlier")
    if sent.failure:
        parts.append(f"the rest stays: {sent.failure}")
    elif not (sent.delivered or sent.rejected or sent.set_aside) and group.size:
        parts.append("another process has taken it over meanwhile")
    return "; ".join(parts)


def _tell(group: Waiting, text: str) -> None:
    say("\n".join(wrapped(f"{name_of(group)}: {text}")))
