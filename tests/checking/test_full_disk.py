"""A spool whose disk is full or can only be read: the check arrives all the same, and warns of it."""

from contextlib import suppress
from pathlib import Path

import disks
import pytest
from receiver import Receiver

import otel_ia

FULL = (
    "spool full: the spool's limit is 0 bytes, a tenth of what is free on the disk; telemetry is only in memory",
    "spool_size",
)
READ_ONLY = ("spool unwritable: Read-only file system; telemetry is only in memory", "spool_directory")


@pytest.mark.parametrize(("options", "expected"), [("size=64k", FULL), ("ro", READ_ONLY)], ids=["full", "read-only"])
def test_a_disk_that_takes_nothing_is_warned_of(
    receiver: Receiver, tmp_path: Path, options: str, expected: tuple[str, str]
) -> None:
    with disks.small_disk(tmp_path / "disk", options) as disk:
        with suppress(OSError), (disk / "ballast").open("wb", buffering=0) as ballast:
            while True:
                ballast.write(bytes(4096))
        with otel_ia.configure(
            endpoint=receiver.endpoint, service_name="checked", console=False, spool_directory=disk / "spool"
        ) as telemetry:
            report = telemetry.check(timeout=5)
    assert report.is_ok
    assert [(warning.problem, warning.setting) for warning in report.warnings] == [expected]
