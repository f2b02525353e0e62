"""scripts/pytorch.py: what stands in for CUDA's libraries loads, and answers every function with an error."""

import ast
import shutil
import subprocess
import sys
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path

import pytest

SCRIPT = Path(__file__).resolve().parents[2] / "scripts" / "pytorch.py"
CUDA = {
    "libcublas.so.13": ("libcublas.so.13", ["cublasCreate", "cublasDestroy"]),
    "libcublasLt.so.13": ("libcublasLt.so.13", ["cublasLtCreate"]),
    "libnvshmem_host.so.3": ("NVSHMEM", ["nvshmem_init"]),
    "libnccl.so.2": ("", ["ncclSend"]),  # has no versions
    "libcudart.so.13": ("libcudart.so.13", ["cudaFree"]),  # is installed
}


def build(path, code, *arguments):
    source = path.with_suffix(".c")
    source.write_text(code)
    subprocess.run(["cc", "-shared", "-fPIC", "-o", path, source, *arguments], check=True)
    source.unlink()


def load(library, functions):
    """In a process of its own: in this one libraries of these names may be loaded."""
    program = f"import ctypes; library = ctypes.CDLL({str(library)!r}); "
    program += f"print({{name: getattr(library, 'call_' + name)() for name in {functions}}})"
    return subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux's PyTorch links to CUDA")
def test_a_library_that_links_to_missing_ones_loads_and_is_answered_with_errors(tmp_path):
    script = module_from_spec(spec_from_file_location("pytorch", SCRIPT))
    script.__loader__.exec_module(script)
    if missing := [tool for tool in script.TOOLS if shutil.which(tool) is None]:
        pytest.skip(f"{', '.join(missing)} are missing")

    folder, real, installed = tmp_path / "torch" / "lib", tmp_path / "real", tmp_path / "nvidia" / "cu13" / "lib"
    for made in (folder, real, installed):
        made.mkdir(parents=True)
    for name, (node, functions) in CUDA.items():
        (tmp_path / "versions").write_text(f"{node or 'NONE'} {{ global: *; }};")
        versions = [f"-Wl,--version-script={tmp_path / 'versions'}"] if node else []
        place = installed if name == "libcudart.so.13" else real
        code = "".join(f"int {function}(void) {{ return 0; }}\n" for function in functions)
        build(place / name, code, f"-Wl,-soname,{name}", *versions)
    every = [function for _, functions in CUDA.values() for function in functions]
    calls = "".join(f"int {name}(void); int call_{name}(void) {{ return {name}(); }}\n" for name in every)
    linked = [str(path) for place in (real, installed) for path in place.iterdir()]
    build(folder / "libtorch.so", calls, *linked, f"-Wl,-rpath,$ORIGIN:{installed}", "-Wl,-z,now")
    shutil.rmtree(real)
    assert "cannot open shared object file" in load(folder / "libtorch.so", every).stderr

    script.stand_in_for_missing(folder)

    made = {path.name for path in folder.iterdir()}
    assert made == {"libtorch.so", "libcublas.so.13", "libcublasLt.so.13", "libnvshmem_host.so.3", "libnccl.so.2"}
    loaded = load(folder / "libtorch.so", every)
    assert loaded.stderr == ""
    assert ast.literal_eval(loaded.stdout) == {**dict.fromkeys(every, 1), "cudaFree": 0}
