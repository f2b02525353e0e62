"""From what was found to the likely cause and what to change."""

from collections.abc import Mapping
from typing import Final

from otel_ia.checking.network import Finding, Kind
from otel_ia.checking.report import Cause
from otel_ia.delivery.shipping.answers import spelled
from otel_ia.delivery.shipping.destination import Destination, Signal, shown

SKEW_LIMIT: Final = 5.0
"""Seconds. A `Date` header has whole ones, and the way takes its time."""


_ENDPOINT: Final = spelled("endpoint")
_OF_KIND: Final[Mapping[Kind, tuple[str, str, str]]] = {
    "unknown host": ("the host's name is not known: {detail}", f"change {_ENDPOINT}", "endpoint"),
    "nobody listens": ("nothing listens on {detail}", f"start the collector, or change {_ENDPOINT}", "endpoint"),
    "no answer": (
        "no answer in time from {detail}: a firewall, or a server that hangs",
        f"look there, or change {_ENDPOINT}",
        "endpoint",
    ),
    "untrusted": (
        "TLS: the server's certificate is not accepted ({detail})",
        f"name the authority's file in {spelled('certificate')}, or the right host in {_ENDPOINT}",
        "certificate",
    ),
    "client refused": (
        "TLS: the server does not accept this client ({detail})",
        f"change {spelled('client_certificate')} and {spelled('client_key')}",
        "client_certificate",
    ),
    "no TLS": (
        "TLS: what answers does not speak it ({detail})",
        f"write http:// in {_ENDPOINT}, or set {spelled('insecure')}",
        "endpoint",
    ),
    "TLS": ("what answers speaks TLS, and is spoken to without", f"write https:// in {_ENDPOINT}", "endpoint"),
    "not HTTP": (
        "wrong protocol: what answers speaks HTTP/2 alone, as gRPC does",
        f"set {spelled('protocol')} to grpc, or take the port for HTTP (4318) in {_ENDPOINT}",
        "protocol",
    ),
    "not gRPC": (
        "wrong protocol: what answers speaks HTTP/1, not gRPC",
        f"set {spelled('protocol')} to http/protobuf, or take the port for gRPC (4317) in {_ENDPOINT}",
        "protocol",
    ),
    "redirect": ("a redirect, which is not followed: {detail}", f"name the place itself in {_ENDPOINT}", "endpoint"),
    "token": ("refused: {detail}", f"change the credentials in {spelled('headers')}", "headers"),
    "path": (
        "wrong path, or no receiver of OTLP: {detail}",
        f"change {_ENDPOINT}; a signal's own endpoint needs the whole path, such as /v1/traces",
        "endpoint",
    ),
    "unusable": ("the request cannot be made ({detail})", f"change {spelled('headers')}", "headers"),
    "proxied": (
        "not accepted, through the proxy: {detail}",
        f"look into the logs of the proxy and the collector, or change {spelled('proxy')}",
        "proxy",
    ),
    "other": ("not accepted: {detail}", "look into the collector's log", ""),
}


def cause_of(finding: Finding) -> Cause | None:
    """Why what answers does not take telemetry; None when it does."""
    if finding.kind not in _OF_KIND:
        return None
    problem, remedy, setting = _OF_KIND[finding.kind]
    return Cause(problem=problem.format(detail=finding.detail), remedy=remedy, setting=setting)


def cause_of_skew(skew: float | None, whose: str) -> Cause | None:
    """A warning where the other clock is not ours."""
    if skew is None or abs(skew) <= SKEW_LIMIT:
        return None
    direction = "ahead of" if skew > 0 else "behind"
    return Cause(
        problem=f"clock skew: the clock of {whose} is {abs(skew):.0f} s {direction} this machine's",
        remedy="set both by NTP: spans would lie at the wrong time, and queries by time not find them",
    )


def cause_of_spool(trouble: str) -> Cause | None:
    """A warning where the spool keeps nothing on disk."""
    if not trouble:
        return None
    is_full = "No space" in trouble or "limit" in trouble
    return Cause(
        problem=f"spool {'full' if is_full else 'unwritable'}: {trouble}; telemetry is only in memory",
        remedy="make room, or change `spool_size` (OTEL_IA_SPOOL_SIZE)"
        if is_full
        else "change `spool_directory` (OTEL_IA_SPOOL_DIRECTORY), or the rights of what it names",
        setting="spool_size" if is_full else "spool_directory",
    )


def cause_of_fork(*, parent: int, protocol: str, is_running: bool) -> Cause:
    """Where the process that configured is another one."""
    thread = "its own thread sends" if is_running else "the thread that sends is the parent's, and not alive here"
    if protocol == "grpc":
        return Cause(
            problem=f"fork: configured in process {parent}, of which this is a fork, and gRPC may not survive it",
            remedy=f"set {spelled('protocol')} to http/protobuf, or configure in each worker",
            setting="protocol",
        )
    return Cause(
        problem=f"fork or preload: configured in process {parent}, of which this is a fork; {thread}",
        remedy="nothing has to change while it works; else call otel_ia.configure() in each worker",
    )


def cause_of_absence(signal: Signal, destination: Destination, *, is_disabled: bool, is_active: bool) -> Cause:
    """Why a signal that was not said to be unwanted is not sent."""
    if is_disabled:
        return Cause(problem="telemetry is disabled", remedy="unset `disabled` (OTEL_SDK_DISABLED)", setting="disabled")
    if not is_active:
        return Cause(
            problem="this configuration was shut down or replaced", remedy="check what the last configure() returned"
        )
    if destination.endpoint is None:
        return Cause(
            problem="no endpoint is configured",
            remedy=f"set {_ENDPOINT}, say to http://localhost:4318",
            setting="endpoint",
        )
    return Cause(
        problem=f"nothing sends {signal} to {shown(destination.endpoint)}",
        remedy=f"add otlp to `{signal}_exporter` (OTEL_{signal.upper()}_EXPORTER)",
        setting=f"{signal}_exporter",
    )
