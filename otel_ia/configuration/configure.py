"""The one call that begins delivery."""

import atexit
from typing import Final, Unpack

from otel_ia.configuration.arguments import SettingsArguments
from otel_ia.configuration.resolution import resolve
from otel_ia.configuration.telemetry import Telemetry
from otel_ia.forks import ProcessLock

_in_effect: Final[list[Telemetry]] = []
_configuring: Final = ProcessLock()


def configure(**settings: Unpack[SettingsArguments]) -> Telemetry:
    """Begins to deliver what `monitor` records: to an OTLP collector, to the console, or both.

    Each setting comes from the argument, else its environment variable, else a file, else its default; `otel-ia config`
    shows them. With an endpoint telemetry goes there; without one a tree per trace is printed on a terminal or in a
    notebook. A later call replaces an earlier one.

    Returns:
        The handle to `flush` and `shutdown`; what is left at the end of the program is sent without it.

    Raises:
        SettingError: a setting is wrong; the message names source, key, value and what was expected.
        ProviderError: another library's tracer provider is installed, to which no processor can be added.
    """
    resolved = resolve(settings).settings
    # after the settings are checked: the SDK reads the environment when it is imported, and its errors name no variable
    from otel_ia.configuration.effect import put_into_effect

    with _configuring.here:
        telemetry = put_into_effect(resolved)
        before, _in_effect[:] = list(_in_effect), [telemetry]
    for replaced in before:
        replaced.shutdown()
    return telemetry


@atexit.register
def _shut_down_at_exit() -> None:
    for telemetry in tuple(_in_effect):
        telemetry.shutdown()
