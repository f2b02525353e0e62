"""How one value is read: text from the environment, typed values from arguments and files, both checked hard."""

import re
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass, field
from importlib.metadata import entry_points
from importlib.util import find_spec
from ipaddress import ip_address
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

from otel_ia.errors import SettingError

_SAMPLERS = ("always_on", "always_off", "traceidratio")
_HOST = re.compile(r"[a-zA-Z0-9_]([a-zA-Z0-9_-]{0,62}\.?)*")
_LONGEST_NAME = 253
_PROPAGATORS = {
    "tracecontext": "opentelemetry-api",
    "baggage": "opentelemetry-api",
    "b3": "opentelemetry-propagator-b3",
    "b3multi": "opentelemetry-propagator-b3",
    "jaeger": "opentelemetry-propagator-jaeger",
    "xray": "opentelemetry-propagator-aws-xray",
    "ottrace": "opentelemetry-propagator-ot-trace",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Given:
    """One value as one source gave it, not yet understood."""

    name: str
    value: object = field(repr=False)
    source: str
    spelled_out: bool = False  # from the environment: numbers and booleans are text
    directory: Path | None = None  # where relative paths start
    mask: "Mask | None" = None


@runtime_checkable
class Sampler(Protocol):
    """What OpenTelemetry's samplers offer."""

    def should_sample(self, *arguments: Any, **named: Any) -> Any: ...

    def get_description(self) -> str: ...


Parser = Callable[[Given], Any]
Mask = Callable[[Any], object]


def refuse(given: Given, expected: str, *, hint: str = "") -> SettingError:
    """The error for this value, to be raised `from None`: the cause may quote a secret."""
    value = given.value if given.mask is None else given.mask(given.value)
    return SettingError(source=given.source, key=given.name, value=value, expected=expected, hint=hint)


def suggest(name: str, known: Iterable[str], *, prefix: str = "") -> str:
    """A hint that names the closest known name, or nothing. A prefix that all share says nothing about closeness."""
    rests = [other.removeprefix(prefix) for other in known]
    import difflib  # here, where a name was wrong: 0.3 MB

    close = difflib.get_close_matches(name.removeprefix(prefix), rests, n=1)
    return f"did you mean {prefix}{close[0]}?" if close else ""


def without_quotes(given: Given) -> str:
    """A hint for a number or boolean that stands in quotes in code or a file."""
    return "write it without quotes" if isinstance(given.value, str) and not given.spelled_out else ""


def text(given: Given, *, expected: str = "text") -> str:
    """Text that is not empty and can be encoded."""
    if not isinstance(given.value, str) or not given.value.strip():
        raise refuse(given, expected)
    try:
        given.value.encode()
    except UnicodeEncodeError:
        raise refuse(given, "text that can be encoded in UTF-8") from None
    return given.value.strip()


def boolean(given: Given) -> bool:
    """True or false; spelled out in any case."""
    value = given.value
    if given.spelled_out and isinstance(value, str):
        value = {"true": True, "false": False}.get(value.strip().lower())
    if not isinstance(value, bool):
        raise refuse(given, "true or false", hint=without_quotes(given))
    return value


def texts(given: Given) -> tuple[str, ...]:
    """Texts: a list, or separated by commas."""
    value = given.value.split(",") if isinstance(given.value, str) else given.value
    if not isinstance(value, list | tuple) or not all(isinstance(name, str) for name in value):
        raise refuse(given, "a list of texts")
    return tuple(dict.fromkeys(name.strip() for name in value if name.strip()))


def one_of(*names: str) -> Parser:
    """A parser for one of these names, in any case."""

    def parse(given: Given) -> str:
        expected = "one of " + ", ".join(names)
        name = text(given, expected=expected).lower()
        if name not in names:
            raise refuse(given, expected, hint=suggest(name, names))
        return name

    return parse


def exception_signal(given: Given) -> str:
    """`events`, `logs` or `logs/dup`; of the variable, whose values are not ours to define, anything else is `events`.

    As the semantic conventions say it: "in the absence of one of these values" nothing changes.
    """
    if given.spelled_out:
        names = [name.strip().lower() for name in str(given.value).split(",")]
        return next((name for name in ("logs/dup", "logs") if name in names), "events")
    return str(one_of("events", "logs", "logs/dup")(given))


def exporters(given: Given) -> tuple[str, ...]:
    """Names of exporters; `none` gives none."""
    return _names(given, known=("otlp", "console"))


def metric_exporters(given: Given) -> tuple[str, ...]:
    """The same for metrics, which Prometheus may fetch too."""
    names = _names(given, known=("otlp", "console", "prometheus"))
    if "prometheus" in names and find_spec("prometheus_client") is None:
        raise refuse(given, "installed", hint='for prometheus: python -m pip install "otel_ia[prometheus]"')
    return names


def host(given: Given) -> str:
    """The name or address of this machine that a server listens on."""
    expected = "a host's name or address, without scheme and port, such as localhost, 0.0.0.0 or ::"
    name = text(given, expected=expected)
    with suppress(ValueError):
        return str(ip_address(name))
    if len(name) > _LONGEST_NAME or not _HOST.fullmatch(name) or name.replace(".", "").isdigit():
        raise refuse(given, expected)
    return name


def views(given: Given) -> tuple[Any, ...]:
    """Views of OpenTelemetry's SDK, which only code can give."""
    from opentelemetry.sdk.metrics.view import View

    value = given.value
    if not isinstance(value, list | tuple) or not all(isinstance(view, View) for view in value):
        raise refuse(given, "a list of views (opentelemetry.sdk.metrics.view.View), as an argument")
    return tuple(value)


def propagators(given: Given) -> tuple[str, ...]:
    """Names of installed propagators; `none` gives none."""
    installed = {found.name for found in entry_points(group="opentelemetry_propagator")}
    missing = [name for name in _PROPAGATORS if name not in installed]
    names = _names(given, known=(*_PROPAGATORS, *sorted(installed.difference(_PROPAGATORS))))
    for name in names:
        if name in missing:
            raise refuse(given, "installed", hint=f"for {name}: python -m pip install {_PROPAGATORS[name]}")
    return names


def sampler(given: Given) -> str | Sampler:
    """The name of a sampler, or a sampler."""
    if isinstance(given.value, Sampler) and not isinstance(given.value, type):
        return given.value
    name: str = one_of(*_SAMPLERS, *(f"parentbased_{name}" for name in _SAMPLERS))(given)
    return name


def _names(given: Given, *, known: tuple[str, ...]) -> tuple[str, ...]:
    expected = f"a list of {', '.join(known)}, or none alone"
    value = given.value.split(",") if isinstance(given.value, str) else given.value
    if not isinstance(value, list | tuple) or not all(isinstance(name, str) for name in value):
        raise refuse(given, expected)
    names = tuple(dict.fromkeys(name.strip().lower() for name in value if name.strip()))
    if names == ("none",):
        return ()
    for name in names:
        if name not in known:
            raise refuse(given, expected, hint=suggest(name, known))
    if not names:
        raise refuse(given, expected)
    return names
