"""Files: which one is read, what it may set, and what a wrong one says."""

import os
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from otel_ia.configuration.resolution import resolve
from otel_ia.configuration.settings import OPTIONS
from otel_ia.errors import SettingError

PROJECT = '[tool.other]\na = 1\n[tool.otel_ia]\nservice_name = "project"\n'


def refused(environ=None, directory=None):
    with pytest.raises(SettingError) as caught:
        resolve({}, environ=environ or {}, working_directory=directory)
    return caught.value


def found(directory):
    return resolve({}, environ={}, working_directory=directory)


@pytest.fixture
def tree(tmp_path):
    """A directory three levels deep."""
    (tmp_path / "a" / "b").mkdir(parents=True)
    return tmp_path


def test_a_file_is_found_in_the_working_directory(tree):
    path = tree / "otel-ia.toml"
    path.write_text('service_name = "found"\n')
    resolved = found(tree)
    assert resolved.settings.service_name == "found"
    assert str(resolved.origins["service_name"]) == f"file {path}"
    assert resolved.file == path


def test_without_a_working_directory_the_search_starts_in_that_of_the_process(tree, monkeypatch):
    (tree / "otel-ia.toml").write_text('service_name = "found"\n')
    monkeypatch.chdir(tree / "a")
    assert resolve({}, environ={}).settings.service_name == "found"


def test_a_deleted_working_directory_is_no_reason_to_fail(tmp_path, monkeypatch):
    gone = tmp_path / "gone"
    gone.mkdir()
    monkeypatch.chdir(gone)
    gone.rmdir()
    assert resolve({}, environ={}).file is None
    refused({"OTEL_EXPORTER_OTLP_CERTIFICATE": "relative.pem"})


def test_the_nearest_file_is_taken_alone(tree):
    (tree / "otel-ia.toml").write_text('service_name = "far"\nconsole = true\n')
    (tree / "a" / "pyproject.toml").write_text(PROJECT)
    read = found(tree / "a" / "b").settings
    assert (read.service_name, read.console) == ("project", None)


def test_the_file_of_ours_goes_before_the_file_of_the_project(tree):
    (tree / "otel-ia.toml").write_text('service_name = "own"\n')
    (tree / "pyproject.toml").write_text(PROJECT)
    assert found(tree).settings.service_name == "own"


@pytest.mark.parametrize(
    "content", ["[tool.other]\n", "not toml [", "tool = 5 # otel_ia", "[project]\nname = 'otel_ia'\n", "\xff"]
)
def test_a_project_without_our_table_is_passed_over(tree, content):
    (tree / "otel-ia.toml").write_text('service_name = "far"\n')
    (tree / "a" / "pyproject.toml").write_bytes(content.encode("latin-1"))
    assert found(tree / "a").settings.service_name == "far"


def test_the_search_ends_with_the_home_directory(tree, monkeypatch):
    (tree / "otel-ia.toml").write_text('service_name = "above"\n')
    monkeypatch.setenv("HOME", str(tree / "a"))
    assert found(tree / "a" / "b").file is None
    (tree / "a" / "otel-ia.toml").write_text('service_name = "home"\n')
    assert found(tree / "a" / "b").settings.service_name == "home"


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no named pipes here")
def test_directories_pipes_and_broken_links_are_passed_over(tree):
    (tree / "otel-ia.toml").write_text('service_name = "far"\n')
    (tree / "a" / "otel-ia.toml").mkdir()
    os.mkfifo(tree / "a" / "pyproject.toml")
    (tree / "a" / "b" / "otel-ia.toml").symlink_to(tree / "nowhere")
    assert found(tree / "a" / "b").settings.service_name == "far"


def test_what_cannot_be_read_is_passed_over_when_found_and_refused_when_named(tree):
    path = tree / "a" / "otel-ia.toml"
    path.write_text("disabled = true\n")
    path.chmod(0)
    if os.access(path, os.R_OK):
        pytest.skip("this user reads everything")
    assert found(tree / "a").file is None
    refused({"OTEL_IA_CONFIG": str(path)})
    refused({"OTEL_EXPORTER_OTLP_CERTIFICATE": str(path)})


@pytest.mark.skipif(not hasattr(os, "getuid") or os.getuid() != 0, reason="only root gives files away")
def test_where_everybody_may_leave_files_only_those_of_this_user_count(tree):
    path = tree / "a" / "otel-ia.toml"
    path.write_text("disabled = true\n")
    (tree / "a").chmod(0o1777)
    assert found(tree / "a" / "b").settings.disabled
    os.chown(path, 12345, -1)
    assert found(tree / "a" / "b").file is None
    (tree / "a").chmod(0o777)
    assert found(tree / "a" / "b").settings.disabled


@pytest.mark.parametrize("name", [name for name, option in OPTIONS.items() if not option.may_be_found])
def test_a_found_file_may_not_lead_telemetry_elsewhere(tree, name):
    path = tree / "pyproject.toml"
    path.write_text(f'[tool.otel_ia]\n{name} = "secret"\n')
    error = refused(directory=tree)
    assert (error.source, error.key) == (f"file {path}", name)
    assert OPTIONS[name].environment in error.hint
    assert "OTEL_IA_CONFIG" in error.hint
    assert "secret" not in str(error)


def test_the_same_file_may_when_it_is_named(tree):
    (tree / "pyproject.toml").write_text('[tool.otel_ia]\nendpoint = "http://collector"\n')
    resolved = resolve({}, environ={"OTEL_IA_CONFIG": "pyproject.toml"}, working_directory=tree)
    assert resolved.settings.traces.endpoint == "http://collector/v1/traces"


def test_a_named_file_is_read_in_place_of_the_found_one(tree):
    (tree / "otel-ia.toml").write_text("console = true\n")
    named = tree / "a" / "other.toml"
    named.write_text('service_name = "named"\n')
    read = resolve({}, environ={"OTEL_IA_CONFIG": str(named)}, working_directory=tree).settings
    assert (read.service_name, read.console) == ("named", None)


@pytest.mark.parametrize("name", ["nowhere.toml", ".", "a\x00b", "a" * 5000, "empty/pyproject.toml"])
def test_a_named_file_has_to_be_there(tree, name):
    (tree / "empty").mkdir()
    (tree / "empty" / "pyproject.toml").write_text("")
    assert refused({"OTEL_IA_CONFIG": name}, tree).source == "environment OTEL_IA_CONFIG"


@pytest.mark.parametrize("content", [b"a = ", b"= 1", b"\xff\xfe", b"a = 1\na = 2\n", b"a = " + b"[" * 5000])
def test_a_file_that_is_no_toml_is_refused(tree, content):
    path = tree / "otel-ia.toml"
    path.write_bytes(content)
    assert refused(directory=tree).source == f"file {path}"


def test_paths_in_a_file_are_relative_to_it(tree):
    (tree / "a" / "ca.pem").write_text("")
    (tree / "a" / "named.toml").write_text('certificate = "ca.pem"\ntraces_certificate = "../a/ca.pem"\n')
    resolved = resolve({}, environ={"OTEL_IA_CONFIG": "a/named.toml"}, working_directory=tree)
    assert resolved.settings.logs.certificate == str(tree / "a" / "ca.pem")
    assert Path(resolved.settings.traces.certificate).samefile(tree / "a" / "ca.pem")


def test_relative_paths_elsewhere_start_in_the_working_directory_and_end_up_absolute(tree):
    (tree / "ca.pem").write_text("")
    for arguments, environ in [
        ({"certificate": "ca.pem"}, {}),
        ({"certificate": Path("ca.pem")}, {}),
        ({}, {"OTEL_EXPORTER_OTLP_CERTIFICATE": "ca.pem"}),
    ]:
        read = resolve(arguments, environ=environ, working_directory=tree).settings
        assert read.traces.certificate == str(tree / "ca.pem")


@pytest.mark.parametrize(
    ("line", "key"),
    [
        ("timeout = true", "timeout"),
        ('timeout = "10"', "timeout"),
        ("timeout = nan", "timeout"),
        ('disabled = "true"', "disabled"),
        ("service_name = 5", "service_name"),
        ("endpoint = 5", "endpoint"),
        ("sampler = 0.5", "sampler"),
        ("console = 1979-05-27", "console"),
        ("span_link_count_limit = 1.0", "span_link_count_limit"),
        ("resource_attributes = {a = 1979-05-27}", "resource_attributes"),
        ("headers = {a.b = 'c'}", "headers"),
        ("traces_exporter = {otlp = true}", "traces_exporter"),
        ("traces = {endpoint = 'http://collector'}", "traces"),
    ],
)
def test_a_wrong_type_in_a_file_is_refused_by_file_and_key(tree, line, key):
    path = tree / "named.toml"
    path.write_text(f"{line}\n")
    error = refused({"OTEL_IA_CONFIG": str(path)})
    assert (error.source, error.key) == (f"file {path}", key)


def test_an_unknown_key_is_refused_with_the_closest_name(tree):
    (tree / "otel-ia.toml").write_text('sevice_name = "a"\n')
    assert str(refused(directory=tree)).endswith("sevice_name is not a setting of otel_ia; did you mean service_name?")


@pytest.mark.parametrize(
    ("content", "key", "hint"),
    [
        ("[otel_ia]\nconsole = true", "otel_ia", "write console without a table"),
        ("[tool.otel_ia]\nconsole = true", "tool", "write console without a table"),
        ('traces.compression = "gzip"', "traces", "write traces_compression"),
        ("[whatever]\na = 1", "whatever", ""),
    ],
)
def test_a_table_that_is_no_setting_is_refused_with_how_to_write_what_is_in_it(tree, content, key, hint):
    (tree / "otel-ia.toml").write_text(content)
    error = refused(directory=tree)
    assert (error.key, error.hint) == (key, hint)


def test_a_file_sends_no_control_characters_through_the_error(tree):
    (tree / "otel-ia.toml").write_text('"\\u001b[2J" = 1\n')
    assert str(refused(directory=tree)).isprintable()


@settings(deadline=None)
@given(st.one_of(st.binary(), st.text().map(str.encode)))
def test_whatever_a_file_holds_gives_settings_or_a_setting_error(tmp_path_factory, content):
    path = tmp_path_factory.getbasetemp() / "hostile.toml"
    path.write_bytes(content)
    try:
        told = repr(resolve({}, environ={"OTEL_IA_CONFIG": str(path)}))
    except SettingError as error:
        told = str(error)
    assert told.isprintable()
