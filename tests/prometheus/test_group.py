"""What the processes of a service keep for each other: crashes in the middle, full disks, wrong owners."""

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import disks
import pytest

from .scraping import assert_nothing_fell, counting, free_port, scrape, scrape_until, total, wait_until
from .test_processes import ALONE, BEGINNING, end, read_line, running

# Ends the process, as a kill would, at the n-th change of the directory.
CRASHING = """
changes = int(sys.argv[2])
def crashing(change):
    def counted(*arguments, **named):
        global changes
        changes -= 1
        if changes == 0:
            os._exit(9)
        return change(*arguments, **named)
    return counted

telemetry = configure()
count(1)
telemetry.flush()
print("counted", flush=True)
sys.stdin.readline()
os.unlink, os.rename = crashing(os.unlink), crashing(os.rename)
from prometheus_client import generate_latest
from otel_ia.prometheus import registry
generate_latest(registry())
print("folded", flush=True)
"""
WAITS = """
telemetry = configure()
print("waiting", flush=True)
sys.stdin.read()
"""


@pytest.mark.parametrize("change", [1, 2, 3, 4, 5, 6, 8, 11])
def test_a_crash_at_any_step_of_folding_neither_loses_nor_doubles(tmp_path: Path, change: int) -> None:
    port = free_port()
    with ExitStack() as programs:
        keeper = programs.enter_context(running(tmp_path / "waits.py", WAITS, port))
        assert read_line(keeper) == "waiting"
        crashing = programs.enter_context(running(tmp_path / "crashing.py", CRASHING, port, change))
        assert read_line(crashing) == "counted"
        ended = [programs.enter_context(running(tmp_path / "alone.py", ALONE, port)) for _ in range(2)]
        for process in ended:
            assert read_line(process) == "counted"
        for process in ended:
            process.kill()
            process.wait()
        assert crashing.stdin is not None
        crashing.stdin.write("\n")
        crashing.stdin.flush()
        crashing.wait(30)
        for _ in range(2):
            rows = scrape(port)
            assert total(rows, "ia_call_duration_seconds_count", ia_operation="work") == 201
            assert total(rows, "app_tokens_total") == pytest.approx(20.1)
            assert total(rows, "ia_call_active") == 0
        left = [file.suffix for file in tmp_path.rglob("*") if file.suffix in {".alive", ".cells", ".page"}]
        assert left.count(".alive") == 1, "what is folded is gone"
        end(keeper)


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    with disks.small_disk(tmp_path / "disk", "size=1m") as place:
        yield place


@pytest.mark.parametrize("room", [0, 20_000], ids=["none", "for the page"])
def test_a_full_disk_disturbs_nothing_and_is_told_once(small_disk: Path, tmp_path: Path, room: int) -> None:
    port = free_port()
    with running(tmp_path / "p.py", ALONE, port, OTEL_IA_PROMETHEUS_DIRECTORY=str(small_disk / "p")) as process:
        assert read_line(process) == "counted"
        rows = scrape(port)
        end(process)
    with (small_disk / "ballast").open("wb", buffering=0) as ballast:
        try:
            while True:
                ballast.write(bytes(4096))
        except OSError:
            ballast.truncate(ballast.tell() - room)
    with running(tmp_path / "p.py", ALONE, port, OTEL_IA_PROMETHEUS_DIRECTORY=str(small_disk / "p")) as process:
        assert read_line(process) == "counted"
        for rows in scrape_until(port, lambda rows: total(rows, "ia_call_active") == 1):
            assert total(rows, "ia_call_duration_seconds_count", ia_operation="work") == 100
            assert total(rows, "app_tokens_total") == pytest.approx(10)
        _, err = process.communicate(timeout=30)
        assert process.returncode == 0
        assert err.count("No space left on device") == 1, err


def test_a_directory_that_is_another_users_is_not_used_and_told_once(tmp_path: Path) -> None:
    if os.geteuid() != 0:
        pytest.skip("giving a directory away needs a privileged user")
    port = free_port()
    with running(tmp_path / "p.py", ALONE, port) as process:
        assert read_line(process) == "counted"
        scrape(port)
        end(process)
    (group,) = (tmp_path / "otel_ia" / "prometheus").iterdir()
    assert group.stat().st_mode & 0o777 == 0o700
    os.chown(group, 12345, -1)
    with running(tmp_path / "p.py", ALONE, port) as process:
        assert read_line(process) == "counted"
        rows = wait_until(lambda: scrape(port))
        assert total(rows, "ia_call_duration_seconds_count", ia_operation="work") == 100
        _, err = process.communicate(timeout=30)
        assert process.returncode == 0
        assert err.count("belongs to another user") == 1, err


def test_where_the_directory_is_removed_each_process_goes_on_with_its_own(tmp_path: Path) -> None:
    port = free_port()
    with running(tmp_path / "p.py", ALONE, port) as process:
        assert read_line(process) == "counted"
        before = scrape(port)
        shutil.rmtree(tmp_path / "otel_ia")
        after = scrape(port)
        assert total(after, "ia_call_duration_seconds_count", ia_operation="work") == 100
        assert_nothing_fell(counting(before), after)
        _, err = process.communicate(timeout=30)
        assert process.returncode == 0
        assert err.count("No such file or directory") == 1, err


def test_files_are_the_users_alone(tmp_path: Path) -> None:
    port = free_port()
    with running(tmp_path / "p.py", ALONE, port) as process:
        assert read_line(process) == "counted"
        scrape(port)
        (group,) = (tmp_path / "otel_ia" / "prometheus").iterdir()
        files = list(group.iterdir())
        assert {file.suffix for file in files} >= {".alive", ".cells", ".page", ".lock", ".sign"}
        assert {file.stat().st_mode & 0o777 for file in files} == {0o600}
        end(process)


def test_a_link_in_the_place_of_a_file_is_not_followed(tmp_path: Path) -> None:
    port = free_port()
    content = '{"process": 1, "target": null, "families": [["x_total", "counter", "", [[[], [1, null]]]]]}'
    (tmp_path / "secret").write_text(content)
    with running(tmp_path / "p.py", WAITS, port) as process:
        assert read_line(process) == "waiting"
        (group,) = (tmp_path / "otel_ia" / "prometheus").iterdir()
        for name in ("link", "file"):
            (group / f"{name}.alive").write_text("")
        (group / "link.page").symlink_to(tmp_path / "secret")
        (group / "file.page").write_text(content)
        assert total(scrape(port), "x_total") == 1
        end(process)


def test_a_page_that_is_spoiled_takes_no_other_along(tmp_path: Path) -> None:
    port = free_port()
    with running(tmp_path / "p.py", ALONE, port) as process:
        assert read_line(process) == "counted"
        (group,) = (tmp_path / "otel_ia" / "prometheus").iterdir()
        for number, content in enumerate(
            [b"", b"{", b"[]", b"\xff", b'{"process": 1, "target": 1, "families": [[1]]}']
        ):
            (group / f"ffff{number}.alive").touch(0o600)
            (group / f"ffff{number}.page").write_bytes(content)
            (group / f"ffff{number}.cells").write_bytes(content * 100)
        rows = scrape(port)
        assert total(rows, "ia_call_duration_seconds_count", ia_operation="work") == 100
        end(process)


def test_without_the_library_the_error_names_the_command(tmp_path: Path) -> None:
    program = "import sys\nsys.modules['prometheus_client'] = None\n" + BEGINNING + "configure()"
    done = subprocess.run([sys.executable, "-c", program, "1"], capture_output=True, text=True, check=False, timeout=60)
    assert 'python -m pip install "otel_ia[prometheus]"' in done.stderr
    assert "SettingError" in done.stderr
