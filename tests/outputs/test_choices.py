"""Where log records go and from which level on: by settings alone, changed at run time, and taken back."""

import json
import logging
import logging.config

import pytest
from receiver import Receiver

import otel_ia
from otel_ia import SettingError, monitor
from otel_ia.configuration.resolution import resolve


@pytest.fixture
def stderr(capsys):
    """Gives what has been written to stderr, once."""
    return lambda: capsys.readouterr().err


@pytest.fixture
def file(tmp_path):
    return tmp_path / "app.log"


def bodies(receiver: Receiver) -> list[str]:
    return [record.body.string_value for record in receiver.logs]


def write_each(name: str = "app.db") -> None:
    for level in ("DEBUG", "INFO", "WARNING", "ERROR"):
        logging.getLogger(name).log(getattr(logging, level), level.lower())


def words(text: str) -> list[str]:
    return [line.split(": ")[1].split()[0] for line in text.splitlines()]


def test_console_file_and_collector_each_have_their_own_level(receiver, stderr, file):
    settings = {"log_level": "DEBUG", "log_console": "text", "log_file": file}
    levels = {"log_console_level": "ERROR", "log_file_level": "INFO", "log_otlp_level": "WARNING"}
    with otel_ia.configure(endpoint=receiver.endpoint, console=False, **settings, **levels) as telemetry:
        write_each()
        assert telemetry.flush()
    assert words(stderr()) == ["error"]
    assert words(file.read_text()) == ["info", "warning", "error"]
    assert bodies(receiver) == ["warning", "error"]


def test_the_environment_and_a_file_alone_set_everything(receiver, file, tmp_path, monkeypatch):
    settings = tmp_path / "otel-ia.toml"
    settings.write_text(f'log_file = "{file}"\nlog_file_format = "ecs"\n[log_levels]\napp.quiet = "ERROR"\n')
    monkeypatch.setenv("OTEL_IA_CONFIG", str(settings))
    monkeypatch.setenv("OTEL_IA_LOG_LEVEL", "INFO")
    monkeypatch.setenv("OTEL_IA_LOG_CONSOLE", "none")
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", receiver.endpoint)
    with otel_ia.configure() as telemetry:
        write_each("app.quiet.part")
        write_each("app.other")
        assert telemetry.flush()
    assert [json.loads(line)["message"] for line in file.read_text().splitlines()] == [
        "error",
        "info",
        "warning",
        "error",
    ]
    assert bodies(receiver) == ["error", "info", "warning", "error"]


@pytest.mark.parametrize(
    ("given", "read"),
    [
        ("app.db=WARNING, urllib3=40", {"app.db": 30, "urllib3": 40}),
        ({"app": {"db": "debug"}}, {"app.db": 10}),
        ("", {}),
    ],
)
def test_levels_of_loggers_are_read_from_text_and_tables(given, read):
    assert resolve({"log_levels": given or None}, environ={}).settings.log_levels == read


@pytest.mark.parametrize("given", ["app.db", "app.db=LOUD", {"app": 1.5}, {"": "INFO"}, 5])
def test_wrong_levels_of_loggers_are_refused_by_name(given):
    with pytest.raises(SettingError) as caught:
        resolve({"log_levels": given}, environ={})
    assert "log_levels" in str(caught.value)


def test_a_size_and_a_period_at_once_are_refused():
    with pytest.raises(SettingError, match="without log_file_period"):
        resolve({"log_file_size": 5, "log_file_period": "day"}, environ={})
    assert resolve({"log_file_size": 0, "log_file_period": "day"}, environ={}).settings.log_file_period == "day"


def test_levels_change_at_run_time_and_back(file):
    with otel_ia.configure(console=False, traces_exporter="none", log_file=file, log_level="INFO") as telemetry:
        undo_logger = telemetry.set_level("DEBUG", logger="app.db")
        undo_file = telemetry.set_level(logging.ERROR, output="file")
        write_each()
        undo_file()
        write_each()
        undo_logger()
        undo_logger()
        write_each()
        telemetry.set_level("ERROR")
        write_each()
    assert logging.getLogger("app.db").level == logging.NOTSET
    assert words(file.read_text()) == [
        "error",
        *("debug", "info", "warning", "error"),
        *("info", "warning", "error"),
        "error",
    ]


def test_levels_are_taken_back_in_any_order_and_by_shutdown():
    before, logger = logging.root.level, logging.getLogger("app.order")
    telemetry = otel_ia.configure(console=False, traces_exporter="none", log_level=15, log_levels={"app.order": 25})
    first, second = telemetry.set_level(11, logger="app.order"), telemetry.set_level(12, logger="app.order")
    first()
    assert logger.level == 12
    second()
    assert logger.level == 25
    telemetry.set_level(13, logger="app.order")
    again = otel_ia.configure(console=False, traces_exporter="none", log_level=16)
    assert (logging.root.level, logger.level) == (16, logging.NOTSET)
    telemetry.set_level(14, logger="app.order")
    assert logger.level == logging.NOTSET
    again.shutdown()
    assert logging.root.level == before


def test_a_level_that_the_user_sets_afterwards_stays():
    logger = logging.getLogger("app.mine")
    with otel_ia.configure(console=False, traces_exporter="none", log_levels={"app.mine": 25}):
        logger.setLevel(35)
    assert logger.level == 35
    logger.setLevel(logging.NOTSET)


def test_wrong_levels_and_outputs_are_refused_at_run_time():
    with otel_ia.configure(console=False, traces_exporter="none") as telemetry:
        with pytest.raises(SettingError, match="LOUD"):
            telemetry.set_level("LOUD")
        with pytest.raises(SettingError, match="configured"):
            telemetry.set_level("INFO", output="file")


@pytest.mark.parametrize(("format_", "key"), [("ecs", "message"), ("otlp", "resourceLogs")])
def test_lines_on_the_console_may_be_json(stderr, format_, key):
    with otel_ia.configure(console=False, traces_exporter="none", log_console=format_):
        logging.getLogger("app").warning("one\ntwo")
    (line,) = stderr().splitlines()
    assert key in json.loads(line)


def test_a_line_of_text_has_level_logger_extras_ids_and_the_stack_trace_below(stderr):
    with otel_ia.configure(console=False, traces_exporter="none", log_console="text"), monitor("block") as span:
        try:
            raise ValueError("bad")
        except ValueError:
            logging.getLogger("app").exception("failed\nFAKE line \x1b[31m", extra={"batch": 32, "who": "a b"})
    first, second, *trace = stderr().splitlines()
    assert first.split(maxsplit=2)[2] == "ERROR    app: failed"
    context = span.get_span_context()
    ids = f"trace_id={context.trace_id:032x} span_id={context.span_id:016x}"
    assert second == f'    FAKE line �[31m  batch=32  who="a b"  {ids}'
    assert trace[0] == "    Traceback (most recent call last):"
    assert trace[-1] == "    ValueError: bad"


def test_with_lines_on_the_console_the_tree_shows_the_spans_alone(stderr):
    with otel_ia.configure(console=True, log_console="text"), monitor("block"):
        logging.getLogger("app").warning("said once")
    shown = stderr()
    assert shown.count("said once") == 1
    assert "block" in shown


def test_in_the_tree_the_console_has_its_level_too(stderr):
    with otel_ia.configure(console=True, log_level="INFO", log_console_level="ERROR"), monitor("block"):
        write_each()
    shown = stderr()
    assert "ERROR" in shown
    assert "WARNING" not in shown


def test_without_logs_on_the_console_the_tree_shows_none(stderr):
    with otel_ia.configure(console=True, log_console="none"), monitor("block"):
        logging.getLogger("app").error("not shown")
    assert "not shown" not in stderr()


def test_a_later_set_up_of_the_users_takes_effect_and_ours_goes_on(run, file):
    program = """
import logging.config
telemetry = configure()
logging.basicConfig(format="theirs %(message)s")
log.warning("one")
logging.config.dictConfig({"version": 1, "disable_existing_loggers": False, "root": {"handlers": ["h"]},
    "handlers": {"h": {"class": "logging.StreamHandler", "formatter": "f"}},
    "formatters": {"f": {"format": "anew %(message)s"}}})
log.warning("two")
telemetry.shutdown()
assert logging.root.parent is None
log.warning("three")
"""
    _, err = run(program, file)
    assert err.splitlines() == ["theirs one", "anew two", "anew three"]
    assert words(file.read_text()) == ["one", "two"]


def test_where_nobody_set_up_logging_a_file_or_lines_are_enough(run, file):
    program = """
with configure():
    log.warning("in the file")
with configure(log_file=None, log_console="text"):
    log.warning("as a line")
log.warning("as ever")
"""
    _, err = run(program, file)
    first, second = err.splitlines()
    assert first.endswith("app.db: as a line")
    assert second == "as ever"
    assert words(file.read_text()) == ["in"]
