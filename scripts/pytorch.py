"""Installs PyTorch for the interpreter that runs this, without the 2.5 GB of CUDA's libraries, for tests on the CPU.

    path/to/venv/bin/python scripts/pytorch.py

On Linux the registry's wheel is built for CUDA and links to its libraries, which weigh more than PyTorch itself: with
all of them `pip install torch` brings 3.0 GB that take 5.4 GB on disk, and without them the import fails. On a machine
with no GPU none of their functions is ever called. So only the two that are called at start come from the registry, and
in place of the others lie libraries of the same names made here by the C compiler, each of whose functions answers with
an error. Where there is no compiler, or on another system than Linux, what happens is said and nothing fails: tests
that need PyTorch are skipped with the reason.
"""

from __future__ import annotations

import importlib.metadata
import importlib.util
import re
import shutil
import subprocess
import sys
from collections import defaultdict
from pathlib import Path

TORCH = "torch==2.14.1"
REAL = ("cuda-toolkit[cudart,cupti]==13.0.3",)
"""Of the version that this PyTorch asks for: what finds out that there is no GPU, and what its profiler loads."""
AT_RUN_TIME = "libcuda.so.1"
"""The driver's: asked for only by what compiles kernels, never at import."""
CUDA = re.compile(r"cuda|nvidia|triton")
TOOLS = ("cc", "nm", "readelf")


def main() -> int:
    if importlib.util.find_spec("torch") is not None:
        try:
            return say(f"PyTorch {show()} is there")
        except subprocess.CalledProcessError:
            say("what is there cannot be imported, as after an installation that was broken off: installing it again")
    if sys.platform != "linux":
        return say(f"not needed here: `pip install {TORCH}` brings no CUDA on {sys.platform}")
    if missing := [tool for tool in TOOLS if shutil.which(tool) is None]:
        return say(f"not installed: it takes {', '.join(missing)} (`apt-get install gcc`)")
    try:
        install("--no-deps", "--force-reinstall", TORCH)
        install(*REAL, *needed_beside_cuda())
        libraries = Path(str(importlib.metadata.distribution("torch").locate_file("torch/lib")))
        stand_in_for_missing(libraries)
        shown = show()
    except subprocess.CalledProcessError as error:
        subprocess.run([sys.executable, "-m", "pip", "uninstall", "--quiet", "--yes", "torch"], check=False)
        return say(f"not installed: {' '.join(error.cmd[:6])} … ended with {error.returncode}:\n{error.stderr}")
    return say(f"PyTorch {shown} works on the CPU")


def show() -> str:
    """Its version, and something that it has reckoned."""
    code = "import torch; print(torch.__version__, torch.ones(1) + 1)"
    return output(sys.executable, "-W", "ignore", "-c", code).strip()


def say(text: str) -> int:
    print(f"scripts/pytorch.py: {text}")
    return 0


def output(*command: str) -> str:
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


def install(*requirements: str) -> None:
    output(sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", *requirements)


def needed_beside_cuda() -> list[str]:
    """What PyTorch requires that is no part of CUDA, as it says so itself."""
    required = importlib.metadata.requires("torch") or []
    return [line for line in required if "extra ==" not in line and not CUDA.search(line.partition(";")[0])]


def stand_in_for_missing(folder: Path) -> None:
    """Makes, beside PyTorch's libraries, each one of CUDA's that they link to and that is not installed."""
    own = sorted(folder.glob("*.so"))
    linked = {
        name for library in own for name in re.findall(r"NEEDED.*\[(.*)\]", output("readelf", "-d", str(library)))
    }
    installed = {path.name for path in folder.parents[1].glob("nvidia/**/*.so*")} | {
        path.name for path in folder.iterdir()
    }
    missing = {name for name in linked - installed - {AT_RUN_TIME} if re.match(r"lib(cu|nv|nccl)", name)}
    functions = missing_functions(own, missing) if missing else {}
    for name in sorted(missing):
        make_library(folder / name, functions[name])


def missing_functions(own: list[Path], missing: set[str]) -> dict[str, dict[str, set[str]]]:
    """Of each missing library the functions that PyTorch's ask for, by the version node that they ask for them under.

    A library's functions begin with its name: `ncclSend` is libnccl's, `cublasLtMatmul` libcublasLt's.
    """
    named = {re.sub(r"^lib|(_host)?\.so.*", "", name).lower(): name for name in missing}
    families = re.compile("|".join(sorted(named, key=len, reverse=True)), re.IGNORECASE)
    found: dict[str, dict[str, set[str]]] = defaultdict(lambda: defaultdict(set))
    for library in own:
        listed = output("nm", "-D", "--undefined-only", "--with-symbol-versions", str(library))
        for symbol in re.findall(r" U (\S+)", listed):
            function, _, node = symbol.partition("@")
            if family := families.match(function):
                found[named[family[0].lower()]][node].add(function)
    return found


def make_library(path: Path, functions: dict[str, set[str]]) -> None:
    """A shared library with these functions, each of which answers 1: an error in every one of CUDA's libraries."""
    every = sorted(function for of_node in functions.values() for function in of_node)
    code = "".join(f"int {function}(void) {{ return 1; }}\n" for function in every)
    nodes = "".join(
        f"{node} {{ global: {'; '.join(sorted(of_node))}; }};\n" for node, of_node in functions.items() if node
    )
    source, versions = path.with_suffix(".c"), path.with_suffix(".map")
    source.write_text(code)
    versions.write_text(nodes)
    script = [f"-Wl,--version-script={versions}"] if nodes else []
    output("cc", "-shared", "-fPIC", "-o", str(path), f"-Wl,-soname,{path.name}", *script, str(source))
    source.unlink()
    versions.unlink()


if __name__ == "__main__":
    sys.exit(main())
