"""The package `berth`: what importing it costs, where it finds the binary, its stub."""

import ast
import os
import pathlib
import shutil
import subprocess
import sys

import pytest

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
BUILT = ROOT / "build/python"


def python(code, **variables):
    """What that prints in a Python that has nothing but berth."""
    environment = {"PATH": "/usr/bin:/bin", "PYTHONPATH": str(BUILT)}
    return subprocess.run(
        [sys.executable, "-c", code],
        env={**environment, **variables},
        stdout=subprocess.PIPE,
        text=True,
        timeout=60,
        check=True,
    ).stdout.strip()


def test_importing_it_loads_nothing_else():
    code = "import sys; before = set(sys.modules); import berth; print(sorted(set(sys.modules) - before))"
    assert ast.literal_eval(python(code)) == ["__future__", "berth", "berth._binary"]


def test_the_core_loads_no_numpy_until_it_is_needed():
    code = "import sys; from berth import _core; print('numpy' in sys.modules)"
    assert python(code) == "False"


def test_the_version_is_the_binarys():
    told = subprocess.run([ROOT / "build/bin/berth", "--version"], stdout=subprocess.PIPE, text=True, check=True)
    assert python("import berth; print(berth.__version__)") == told.stdout.split()[1]


def test_no_such_attribute():
    with pytest.raises(subprocess.CalledProcessError):
        python("import berth; berth.nothing")


@pytest.fixture
def program(tmp_path):
    path = tmp_path / "berth"
    path.write_text("#!/bin/sh\n")
    path.chmod(0o755)
    return path


def test_the_binary_that_is_named(program):
    code = "import berth; print(berth.binary())"
    assert python(code, BERTH_BINARY=str(program)) == str(program)
    assert python(code, PATH=str(program.parent)) == str(program)


def test_the_binary_beside_a_package_of_pip_install_target(tmp_path):
    (tmp_path / "berth").mkdir()
    for file in (ROOT / "python/berth").glob("*.py"):
        shutil.copy(file, tmp_path / "berth")
    (tmp_path / "bin").mkdir()
    program = tmp_path / "bin" / "berth"
    program.write_text("#!/bin/sh\n")
    program.chmod(0o755)
    code = "from berth._binary import binary; print(binary())"
    assert python(code, PYTHONPATH=str(tmp_path)) == str(program)


def test_no_binary(tmp_path):
    code = "import berth\ntry: berth.binary()\nexcept FileNotFoundError as e: print(e)"
    assert python(code, PATH=str(tmp_path)) == (
        'there is no program "berth" beside this Python or on the PATH:'
        " install the package berth, or set BERTH_BINARY to its path"
    )


def test_the_stub_is_that_of_the_extension(tmp_path):
    """To renew it: the same command with python/berth/_core.pyi."""
    stub = tmp_path / "_core.pyi"
    command = [ROOT / "build/venv-wheel/bin/python", "-m", "nanobind.stubgen", "-q"]
    command += ["-i", BUILT, "-m", "berth._core", "-o", stub]
    subprocess.run(command, check=True, timeout=60, env={**os.environ, "PYTHONPATH": str(BUILT)})
    assert (ROOT / "python/berth/_core.pyi").read_text() == stub.read_text()


@pytest.mark.parametrize("path", sorted((ROOT / "python/berth").glob("*.py*")), ids=lambda path: path.name)
def test_the_syntax_is_that_of_3_8(path):
    ast.parse(path.read_text(), feature_version=(3, 8))
