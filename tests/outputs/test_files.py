"""Log files: they rotate, each process has its own, and what happens to them disturbs nothing and is counted."""

import os
import re
import sys
from pathlib import Path

import disks
import pytest

from .conftest import numbers_in, start

FORKING = """
    write(range(100))
    for child in range(3):
        if not os.fork():
            write(range(100 * (child + 1), 100 * (child + 2)))
            os._exit(0)
    write(range(400, 500))
    for child in range(3):
        os.wait()
"""


def families(folder: Path) -> list[Path]:
    """The log files, those set aside included; not their locks."""
    return sorted(path for path in folder.iterdir() if not path.name.startswith("."))


@pytest.fixture
def file(tmp_path):
    return tmp_path / "logs" / "app.log"


@pytest.fixture
def small_disk(tmp_path):
    with disks.small_disk(tmp_path / "disk", "size=256k") as place:
        yield place


def test_a_file_rotates_by_size_and_keeps_so_many(run, file):
    _, err = run("with configure(log_file_size=2000, log_file_backups=3): write(range(200))", file)
    assert err == ""
    assert [path.name for path in families(file.parent)] == ["app.log", "app.log.1", "app.log.2", "app.log.3"]
    assert all(path.stat().st_size <= 2000 for path in families(file.parent))
    kept = numbers_in(*families(file.parent))
    assert kept == list(range(kept[0], 200))
    assert "line 199 " in file.read_text()


def test_without_backups_the_file_begins_anew(run, file):
    run("with configure(log_file_size=2000, log_file_backups=0): write(range(200))", file)
    assert [path.name for path in families(file.parent)] == ["app.log"]
    assert numbers_in(file)[-1] == 199
    assert file.stat().st_size <= 2000


@pytest.mark.parametrize("shared", ["False", "True"])
@pytest.mark.parametrize(
    ("period", "pattern"), [("day", r"app\.log\.\d{4}-\d\d-\d\d"), ("hour", r"app\.log\.\d{4}-\d\d-\d\d_\d\d")]
)
def test_a_file_rotates_when_its_period_is_over(run, file, period, pattern, shared):
    if shared == "True":
        pytest.importorskip("concurrent_log_handler")
    settings = f"log_file_period={period!r}, log_file_shared={shared}"
    run(f"with configure({settings}): write([1])", file)
    lock = file.with_name(".__app.lock")
    long_ago = file.stat().st_mtime - 3 * 86_400
    os.utime(file, (long_ago, long_ago))
    if shared == "True":
        lock.write_text(str(int(long_ago)))  # when the library's next rotation is due
    run(f"with configure({settings}): write([2])", file)
    old, new = sorted(families(file.parent), key=lambda path: -len(path.name))[:2]
    assert re.fullmatch(pattern, old.name)
    assert (numbers_in(old), numbers_in(new)) == ([1], [2])


def test_a_file_of_the_same_period_is_not_overwritten(run, file):
    program = """
begin = time.time() - 3600
for number in range(4):
    with configure(log_file_period="minute"):
        write([number])
    os.utime(FILE, (begin, begin))
"""
    run(program, file)
    assert [len(numbers_in(path)) for path in families(file.parent)] == [1, 1, 1, 1]
    assert numbers_in(*families(file.parent)) == [0, 1, 2, 3]


def test_a_second_process_has_a_file_of_its_own_and_a_third_the_one_that_became_free(run, file):
    waiting = 'with configure(): write([1]); print("ready", flush=True); sys.stdin.read()'
    first = start(waiting, file)
    assert first.stdout.readline() == "ready\n"
    run("with configure(): write([2])", file)
    assert numbers_in(file.with_name("app.2.log")) == [2]
    first.kill()  # not even a killed process keeps its file
    first.communicate()
    run("with configure(): write([3])", file)
    assert numbers_in(file) == [1, 3]


def test_a_forked_child_has_a_file_of_its_own(run, file):
    run("with configure(log_file_size=3000, log_file_backups=50):" + FORKING, file)
    assert numbers_in(*families(file.parent)) == list(range(500))
    writers = {path: set(re.findall(r"of (\d+)", path.read_text())) for path in families(file.parent)}
    of_the_parent = writers[file]
    assert len(of_the_parent) == 1
    for path, processes in writers.items():
        assert (processes == of_the_parent) == path.name.startswith("app.log")


def test_four_processes_lose_no_line_of_a_shared_file_that_rotates_fast(file):
    pytest.importorskip("concurrent_log_handler")
    program = """
sys.stdin.readline()
with configure(log_file_shared=True, log_file_size=10_000, log_file_backups=500) as telemetry:
    begin = int(sys.stdin.readline())
    write(range(begin, begin + 2500))
    print(dict(telemetry.stats().dropped))
"""
    processes = [start(program, file) for _ in range(4)]
    for number, process in enumerate(processes):
        process.stdin.write(f"go\n{2500 * number}\n")
        process.stdin.flush()
    for process in processes:
        out, err = process.communicate(timeout=120)
        assert (out, err) == ("{}\n", "")
    assert len(families(file.parent)) > 30
    assert numbers_in(*families(file.parent)) == list(range(10_000))


def test_children_of_a_fork_lose_no_line_of_a_shared_file(run, file):
    pytest.importorskip("concurrent_log_handler")
    run("with configure(log_file_shared=True, log_file_size=5000, log_file_backups=500):" + FORKING, file)
    assert numbers_in(*families(file.parent)) == list(range(500))


def test_without_its_library_a_shared_file_is_refused_with_the_command_that_helps(run, file):
    program = """
sys.modules["concurrent_log_handler"] = None
try:
    configure(log_file_shared=True)
except otel_ia.SettingError as error:
    print(error)
"""
    out, _ = run(program, file)
    assert "log_file_shared is not possible without concurrent-log-handler" in out
    assert 'pip install "otel_ia[files]"' in out


SHARED = pytest.mark.parametrize("shared", [False, True], ids=["own", "shared"])


@SHARED
@pytest.mark.parametrize("how", ["os.unlink(FILE)", "import shutil; shutil.rmtree(FILE.parent)", "FILE.rename(OLD)"])
def test_writing_resumes_when_the_file_or_its_folder_is_deleted_or_moved(run, file, how, shared):
    program = f"""
OLD = FILE.with_name("moved.log")
with configure(log_file_shared={shared}) as telemetry:
    write([1])
    {how}
    write([2, 3])
    assert telemetry.stats().dropped == {{}}
"""
    _, err = run(program, file)
    assert err == ""
    assert numbers_in(file) == [2, 3]


@SHARED
def test_a_full_disk_costs_lines_that_are_counted_and_told_once_and_no_half_line_stays(run, small_disk, shared):
    file = small_disk / "app.log"
    program = f"""
ballast = FILE.with_name("ballast")
with configure(log_file_shared={shared}, log_file_size=0) as telemetry:
    write([0])
    descriptor = os.open(ballast, os.O_CREAT | os.O_RDWR)
    free = os.statvfs(FILE.parent)
    os.posix_fallocate(descriptor, 0, free.f_bavail * free.f_frsize)
    write(range(1, 1000))
    os.unlink(ballast)
    os.close(descriptor)
    write(range(1000, 1010))
    print(dict(telemetry.stats().dropped))
"""
    out, err = run(program, file)
    kept = numbers_in(file)
    lost = 1010 - len(kept)
    assert lost > 500
    assert out == f"{{'log file: No space left on device': {lost}}}\n"
    assert set(range(1000, 1010)) <= set(kept)
    told = [int(number) for number in re.findall(r"(\d+) lines \(No space left on device\)", err)]
    assert sum(told) == lost
    assert len(told) == 2, err  # at once, and the rest at the end
    assert len(err.splitlines()) == 2


def test_a_limit_of_the_file_size_costs_lines_that_are_counted(run, file):
    program = """
import resource
resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))
with configure(log_file_size=0, spool_directory=FILE.parent) as telemetry:
    write(range(100))
    print(sum(telemetry.stats().dropped.values()))
"""
    out, err = run(program, file)
    kept = numbers_in(file)
    assert kept == list(range(len(kept)))
    assert int(out) == 100 - len(kept) > 0
    assert "File too large" in err


def test_what_is_no_file_at_all_is_written_to_or_counted(run, tmp_path):
    program = """
with configure() as telemetry:
    write(range(10))
    print(dict(telemetry.stats().dropped))
"""
    out, err = run(program, Path("/dev/full"))
    assert out == "{'log file: No space left on device': 10}\n"
    assert "Traceback" not in err
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    out, _ = run(program, pipe)
    assert out == "{'log file: No such device or address': 10}\n"


@SHARED
@pytest.mark.parametrize("place", ["a folder", "below a file"])
def test_a_place_that_takes_no_file_disturbs_nothing(run, tmp_path, place, shared):
    file = tmp_path / "app.log"
    if place == "a folder":
        file.mkdir()
    else:
        file.write_text("")
        file = file / "app.log"
    program = f"""
with configure(log_file_shared={shared}) as telemetry:
    write(range(10))
    print(sum(telemetry.stats().dropped.values()))
"""
    out, err = run(program, file)
    assert out == "10\n"
    assert "Traceback" not in err
    assert sum(int(number) for number in re.findall(r"(\d+) lines", err)) == 10


@SHARED
def test_where_rotation_is_denied_the_file_grows_and_no_line_is_lost(run, file, shared):
    file.parent.mkdir()
    for number in (1, 2):
        blocked = file.with_name(f"app.log.{number}")
        blocked.mkdir()
        (blocked / "full").touch()
    program = f"""
with configure(log_file_shared={shared}, log_file_size=500, log_file_backups=2) as telemetry:
    write(range(100))
    assert telemetry.stats().dropped == {{}}
"""
    _, err = run(program, file)
    written = [path for path in file.parent.iterdir() if path.is_file() and "lock" not in path.name]
    assert numbers_in(*written) == list(range(100))
    if not shared:
        assert err.count("cannot be rotated and grows") == 1
        assert len(err.splitlines()) == 1


@pytest.mark.skipif(sys.platform != "linux", reason="takes capabilities away as Linux does")
def test_a_folder_that_takes_nothing_new_leaves_the_file_to_grow(run, file):
    file.parent.mkdir()
    file.touch()
    file.parent.chmod(0o555)
    program = """
import ctypes
if not os.getuid():  # root without its capabilities obeys permissions
    version, nothing = 0x20080522, 6 * [0]
    assert ctypes.CDLL(None).capset((ctypes.c_uint32 * 2)(version, 0), (ctypes.c_uint32 * 6)(*nothing)) == 0
with configure(log_file_size=500) as telemetry:
    write(range(100))
    assert telemetry.stats().dropped == {}
"""
    _, err = run(program, file)
    assert numbers_in(file) == list(range(100))
    assert err.count("cannot be rotated and grows: Permission denied") == 1


def test_what_otel_ia_says_of_itself_stands_in_the_file_too(run, file):
    program = """
with configure(endpoint=None):
    logging.getLogger("otel_ia").warning("said of itself")
    logging.getLogger("opentelemetry.sdk").warning("said by the SDK")
"""
    run(program, file)
    assert "WARNING  otel_ia: said of itself" in file.read_text()
