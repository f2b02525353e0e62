"""What import-linter cannot say: which part of OpenTelemetry a room may use, and what `import otel_ia` loads."""

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import otel_ia

PACKAGE = Path(otel_ia.__file__).parent
GROUND = sorted(PACKAGE.glob("*.py"))
API_ONLY = [
    *sorted((PACKAGE / "recording").glob("*.py")),
    *sorted((PACKAGE / "genai").glob("*.py")),
    *sorted((PACKAGE / "capture").glob("*.py")),
    *sorted((PACKAGE / "values").glob("*.py")),
    *(file for file in GROUND if file.stem in {"clock", "errors", "exceptions", "guard", "semconv"}),
]


def imports_of(file: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{file} imports relatively"
            yield node.module or ""


@pytest.mark.parametrize("file", API_ONLY, ids=lambda file: file.stem)
def test_recording_genai_and_the_ground_floor_use_the_api_only(file: Path) -> None:
    used = [name for name in imports_of(file) if name.startswith("opentelemetry")]
    allowed = ("opentelemetry.trace", "opentelemetry.context", "opentelemetry.metrics", "opentelemetry.util")
    assert all(name == "opentelemetry" or name.startswith(allowed) for name in used), used


def test_importing_the_package_loads_no_sdk_and_prints_nothing() -> None:
    program = (
        "import sys, otel_ia\n"
        "with otel_ia.bound(a=1): pass\n"
        "heavy = ('opentelemetry.sdk', 'opentelemetry.exporter', 'opentelemetry.proto', 'rich', 'urllib3', 'grpc')\n"
        "heavy += ('asyncio', 'dataclasses', 'prometheus_client', 'opentelemetry.util.genai')\n"
        "heavy += ('otel_ia.capture', 'otel_ia.values.dtypes')\n"
        "assert not [name for name in sys.modules if name.startswith(heavy)]\n"
        "import logging, threading\n"
        "assert not logging.root.handlers and logging.root.parent is None and threading.active_count() == 1\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False, timeout=60)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_there_is_one_broad_except() -> None:
    found = [
        f"{file.relative_to(PACKAGE)}"
        for file in PACKAGE.rglob("*.py")
        for node in ast.walk(ast.parse(file.read_text()))
        if isinstance(node, ast.ExceptHandler) and _is_broad(node)
    ]
    assert found == ["guard.py"]


def _is_broad(handler: ast.ExceptHandler) -> bool:
    if handler.type is None:
        return True
    names = [handler.type] if not isinstance(handler.type, ast.Tuple) else handler.type.elts
    return any(isinstance(name, ast.Name) and name.id == "Exception" for name in names)
