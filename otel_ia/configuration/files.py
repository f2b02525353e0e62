"""The settings file: the one named in OTEL_IA_CONFIG, else the nearest one found from the working directory."""

import os
import stat
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

from otel_ia.errors import SettingError

NAMED_IN = "OTEL_IA_CONFIG"
OWN_NAME = "otel-ia.toml"
PROJECT_NAME = "pyproject.toml"


@dataclass(frozen=True, slots=True, kw_only=True)
class SettingsFile:
    """What a file says, unread as yet. `was_named` is true for the one the user named, who thereby trusts it."""

    path: Path
    content: Mapping[str, object]
    was_named: bool


def read_settings_file(environ: Mapping[str, str], *, working_directory: Path | None) -> SettingsFile | None:
    """The file named in OTEL_IA_CONFIG, else the nearest one found, else None."""
    if name := environ.get(NAMED_IN, "").strip():
        return _read_named((working_directory or Path()) / name)
    return find_settings_file(working_directory) if working_directory is not None else None


def find_settings_file(working_directory: Path) -> SettingsFile | None:
    """The nearest `otel-ia.toml`, or `pyproject.toml` with a table `[tool.otel_ia]`, from the directory upward.

    The search ends with the user's home directory, or with the root of the file system for directories outside it. In
    directories where everybody may leave a file, such as /tmp, only files of this user count. What cannot be read, and
    a `pyproject.toml` that does not speak of `otel_ia`, is passed over; a file that is ours and no valid TOML raises.
    """
    for directory in _upward(working_directory):
        for name in (OWN_NAME, PROJECT_NAME):
            path = directory / name
            text = _read_found(path)
            if text is None or (name == PROJECT_NAME and b"otel_ia" not in text):
                continue
            content = _own_table(path, _parse(path, text))
            if content is not None:
                return SettingsFile(path=path, content=MappingProxyType(content), was_named=False)
    return None


def _upward(directory: Path) -> Iterator[Path]:
    homes = _homes()
    for place in (directory, *directory.parents):
        yield place
        if place in homes:
            return


def _homes() -> tuple[Path, ...]:
    """The home directory, with and without symbolic links: the working directory comes without."""
    try:
        home = Path.home()
        return home, home.resolve()
    except (OSError, RuntimeError):
        return ()


def _read_found(path: Path) -> bytes | None:
    try:
        status = path.stat()
        if not stat.S_ISREG(status.st_mode):  # a pipe would block
            return None
        is_shared = path.parent.stat().st_mode & (stat.S_ISVTX | stat.S_IWOTH) == stat.S_ISVTX | stat.S_IWOTH
        if is_shared and hasattr(os, "getuid") and status.st_uid != os.getuid():
            return None
        return path.read_bytes()
    except (OSError, ValueError):
        return None


def _read_named(path: Path) -> SettingsFile:
    source = f"environment {NAMED_IN}"
    try:
        text = path.read_bytes()
    except (OSError, ValueError):
        raise SettingError(source=source, key="file", value=str(path), expected="a file that can be read") from None
    content = _own_table(path, _parse(path, text))
    if content is None:
        raise SettingError(source=source, key="file", value=str(path), expected="a file with a table [tool.otel_ia]")
    return SettingsFile(path=path, content=MappingProxyType(content), was_named=True)


def _parse(path: Path, text: bytes) -> dict[str, object]:
    import tomllib  # here, where there is a file: 0.3 MB

    try:
        return tomllib.loads(text.decode("utf-8-sig"))
    except (ValueError, RecursionError) as error:  # a syntax or decoding error is a ValueError
        reason = str(error) if isinstance(error, tomllib.TOMLDecodeError) else ""
        raise SettingError(source=f"file {path}", key="content", expected="TOML", hint=reason) from None


def _own_table(path: Path, content: dict[str, object]) -> dict[str, object] | None:
    """The part of the file that is ours; None if a `pyproject.toml` has none."""
    if path.name != PROJECT_NAME:
        return content
    tools = content.get("tool")
    if not isinstance(tools, dict) or "otel_ia" not in tools:
        return None
    if not isinstance(tools["otel_ia"], dict):
        raise SettingError(source=f"file {path}", key="tool.otel_ia", expected="a table")
    return tools["otel_ia"]
