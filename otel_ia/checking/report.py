"""What a check has found."""

from dataclasses import asdict, dataclass
from typing import Any, Literal

from otel_ia.delivery.shipping.destination import Signal


@dataclass(frozen=True, slots=True, kw_only=True)
class Cause:
    """The likely cause of a failure, and what to change; `setting` is the option's name, empty where it is none."""

    problem: str
    remedy: str
    setting: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class SignalReport:
    """What became of one signal. A signal that the configuration does not send is `skipped`.

    `delay` is the seconds until the collector acknowledged it, `found_after` those until it was read back. `is_found`
    is None where no query address was given, or nothing can be asked.
    """

    signal: Signal
    state: Literal["ok", "failed", "skipped"]
    sent: str = ""
    """What was sent, and where to; empty when nothing was."""
    is_accepted: bool = False
    delay: float | None = None
    is_found: bool | None = None
    found_after: float | None = None
    causes: tuple[Cause, ...] = ()
    remark: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """What became of all signals; `warnings` do not stop delivery."""

    service: str
    process: int
    signals: tuple[SignalReport, ...]
    warnings: tuple[Cause, ...] = ()

    @property
    def is_ok(self) -> bool:
        """Whether every signal that is configured arrived, and at least one is."""
        states = {report.state for report in self.signals}
        return "ok" in states and "failed" not in states

    def as_dict(self) -> dict[str, Any]:
        """The same for JSON."""
        return {"is_ok": self.is_ok, **asdict(self)}
