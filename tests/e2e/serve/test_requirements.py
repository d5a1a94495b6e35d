"""requirements.txt beside the handler: installed once, before the first worker."""

import os
import zipfile

import pytest

HANDLER = """
import berth_test_package
def model_fn(model_dir):
    return berth_test_package.VALUE
def predict_fn(data, model):
    return [model]
"""


@pytest.fixture
def target(tmp_path):
    """Where pip installs to, and Python finds it: the environment of the tests stays as it is."""
    pip = tmp_path / "pip.conf"
    pip.write_text(f"[global]\nno-index = true\nno-build-isolation = true\n"
                   f"disable-pip-version-check = true\n[install]\ntarget = {tmp_path}/installed\n")
    return {"PIP_CONFIG_FILE": str(pip), "PYTHONPATH": str(tmp_path / "installed")}


def wheel(folder):
    """A wheel is a zip file: no builder is needed to make one."""
    path = folder / "berth_test_package-1.0-py3-none-any.whl"
    info = "berth_test_package-1.0.dist-info"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("berth_test_package.py", "VALUE = 42\n")
        archive.writestr(f"{info}/METADATA",
                         "Metadata-Version: 2.1\nName: berth-test-package\nVersion: 1.0\n")
        archive.writestr(f"{info}/WHEEL",
                         "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\n"
                         "Tag: py3-none-any\n")
        archive.writestr(f"{info}/RECORD",
                         f"berth_test_package.py,,\n{info}/METADATA,,\n{info}/WHEEL,,\n"
                         f"{info}/RECORD,,\n")
    return path.name


def test_requirements_are_installed_once(place, target):
    place.handler(HANDLER)
    place.handler(f"./{wheel(place.code)}\n", "requirements.txt")
    server = place.server(**target).start().ready()
    assert server.invoke("[1]", "application/json").json == [42]
    assert server.stop() == 0
    assert len([line for line in server.log.lines if "installing: " in line]) == 1


def test_requirements_that_cannot_be_installed(place, target):
    place.handler(HANDLER)
    place.handler("./no-such-package.whl\n", "requirements.txt")
    server = place.server(**target).start()
    assert server.wait() == 2
    errors = [line for line in server.log.lines if " ERROR " in line and "cannot install" in line]
    assert len(errors) == 1, server.log.text
    assert f"cannot install {place.code}/requirements.txt: " in errors[0]
    assert errors[0].endswith("ended with 1; its own words are above")
    assert "no-such-package" in server.log.text


def test_it_ends_while_requirements_are_installed(place, target):
    """Without end: pip waits for a file that nobody writes."""
    place.handler(HANDLER)
    os.mkfifo(place.code / "requirements.txt")
    server = place.server(**target).start()
    server.log.wait("installing: ")
    server.signal()
    assert server.wait() == 0
