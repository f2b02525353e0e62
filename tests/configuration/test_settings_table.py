"""The table of settings against OpenTelemetry's names and defaults, and against the arguments of `configure`."""

import subprocess
import sys
from typing import get_type_hints

import pytest
from opentelemetry import environment_variables as of_the_api
from opentelemetry.sdk import environment_variables as of_the_sdk
from opentelemetry.sdk.trace import SpanLimits

from otel_ia.configuration.arguments import SettingsArguments
from otel_ia.configuration.settings import OPTIONS, Settings


def test_the_arguments_of_configure_are_the_rows_of_the_table_in_their_order():
    assert list(SettingsArguments.__annotations__) == list(OPTIONS)


def test_the_arguments_of_configure_have_types_that_exist():
    assert get_type_hints(SettingsArguments).keys() == OPTIONS.keys()


def test_what_only_an_argument_can_be_has_no_environment_name():
    assert [name for name, option in OPTIONS.items() if option.environment is None] == [
        "metric_views",
        "redact_callback",
    ]


@pytest.mark.parametrize("name", [option.environment for option in OPTIONS.values() if option.environment is not None])
def test_each_environment_name_is_of_opentelemetry_or_has_our_prefix(name):
    if name == "OTEL_SEMCONV_EXCEPTION_SIGNAL_OPT_IN":  # the semantic conventions name it, the SDK does not know it
        return
    assert hasattr(of_the_sdk, name) or hasattr(of_the_api, name) or name.startswith("OTEL_IA_")


@pytest.mark.parametrize("option", OPTIONS.values(), ids=OPTIONS)
def test_each_row_tells_its_meaning_in_one_sentence(option):
    assert option.doc.endswith(".")
    assert "|" not in option.doc


def test_no_two_rows_share_an_environment_name():
    names = [option.environment for option in OPTIONS.values() if option.environment is not None]
    assert len(set(names)) == len(names)


def test_the_limits_default_to_those_of_opentelemetry():
    ours, theirs = Settings(), SpanLimits()
    assert ours.attribute_value_length_limit == theirs.max_attribute_length
    assert ours.attribute_count_limit == theirs.max_attributes
    assert ours.span_attribute_value_length_limit == theirs.max_span_attribute_length
    assert ours.span_attribute_count_limit == theirs.max_span_attributes
    assert ours.span_event_count_limit == theirs.max_events
    assert ours.span_link_count_limit == theirs.max_links
    assert ours.event_attribute_count_limit == theirs.max_event_attributes
    assert ours.link_attribute_count_limit == theirs.max_link_attributes


def test_what_leads_telemetry_elsewhere_may_not_come_from_a_found_file():
    own = {"endpoint", "headers", "certificate", "client_key", "client_certificate", "insecure", "proxy"}
    guarded = own | {f"{signal}_{name}" for signal in ("traces", "logs", "metrics") for name in own}
    guarded |= {
        "spool_directory",
        "redact",
        "log_file",
        "capture",
        "prometheus_host",
        "prometheus_port",
        "prometheus_directory",
    }
    assert {name for name, option in OPTIONS.items() if not option.may_be_found} == guarded


def test_reading_settings_loads_no_sdk():
    program = "import sys, otel_ia.configuration.resolution; print([m for m in sys.modules if '.sdk' in m])"
    answer = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, timeout=60)
    assert answer.stdout.strip() == "[]"
