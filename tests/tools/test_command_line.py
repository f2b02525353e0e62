"""`otel-ia`: subcommands, exit statuses, and what is loaded for them."""

import os
import subprocess
import sys

import pytest

import otel_ia
from otel_ia.tools.command_line import SUBCOMMANDS, main

WITHOUT_SCIKIT_LEARN = """
import sys

class Missing:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] == "sklearn":
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)

sys.meta_path.insert(0, Missing())
from otel_ia.tools.command_line import main
sys.exit(main(["demo"]))
"""
ENVIRONMENT = {name: value for name, value in os.environ.items() if not name.startswith("OTEL_")}


def start(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-W", "error", *arguments],
        env={**ENVIRONMENT, **environment},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_the_version_is_the_packages():
    done = start("-m", "otel_ia", "--version")
    assert (done.returncode, done.stdout) == (0, f"otel-ia {otel_ia.__version__}\n")


def test_without_a_subcommand_the_help_names_all_of_them(capsys):
    assert main([]) == 2
    printed = capsys.readouterr()
    assert printed.out == ""
    for subcommand in SUBCOMMANDS:
        assert f"    {subcommand.name} " in printed.err


def test_an_unknown_subcommand_is_refused_with_the_known_ones(capsys):
    with pytest.raises(SystemExit) as ended:
        main(["dmeo"])
    assert ended.value.code == 2
    assert "demo" in capsys.readouterr().err.splitlines()[-1].replace("dmeo", "")


@pytest.mark.parametrize("subcommand", SUBCOMMANDS, ids=lambda subcommand: subcommand.name)
def test_each_subcommand_has_help_of_its_own(subcommand, capsys):
    with pytest.raises(SystemExit) as ended:
        main([subcommand.name, "--help"])
    assert ended.value.code == 0
    assert f"usage: otel-ia {subcommand.name}" in capsys.readouterr().out


def test_only_the_module_of_the_subcommand_asked_for_is_loaded():
    program = "import sys; from otel_ia.tools.command_line import main; main(['config']); print(*sys.modules)"
    loaded = start("-c", program).stdout.splitlines()[-1].split()
    assert "otel_ia.tools.config" in loaded
    assert [name for name in loaded if name.startswith(("otel_ia.tools.demo", "sklearn", "rich"))] == []


def test_the_installed_command_is_the_module():
    from importlib.metadata import entry_points

    (command,) = entry_points(group="console_scripts", name="otel-ia")
    assert command.load() is main


def test_a_wrong_setting_gives_one_line_that_names_it():
    done = start("-m", "otel_ia", "demo", OTEL_IA_EXIT_TIMEOUT="soon")
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("otel-ia: environment OTEL_IA_EXIT_TIMEOUT: ")
    assert done.stderr.count("\n") == 1


def test_missing_scikit_learn_gives_one_line_with_the_command_that_helps():
    done = start("-c", WITHOUT_SCIKIT_LEARN)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == 'otel-ia: the demo needs scikit-learn: python -m pip install "otel_ia[demo]"\n'


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no SIGPIPE")
def test_a_reader_that_goes_away_ends_it_quietly():
    reading, writing = os.pipe()
    os.close(reading)
    with os.fdopen(writing, "wb") as broken:
        done = subprocess.run(
            [sys.executable, "-W", "error", "-m", "otel_ia", "config"],
            env=ENVIRONMENT,
            stdout=broken,
            stderr=subprocess.PIPE,
            text=True,
            timeout=60,
            check=False,
        )
    assert (done.returncode, done.stderr) == (141, "")
