"""Whoever calls, and whatever the machine allows."""

import os
import pathlib
import shutil
import subprocess

import pytest

JOB = 'cat "$SM_CHANNEL_TRAIN/x"; echo w > "$SM_MODEL_DIR/w"; id -u'


def test_without_namespaces_the_base_directory_moves(local, forbidden):
    data = local.data(x="content")
    code, _, err = local.run(
        *local.code(JOB + '; echo "base $SAGEMAKER_BASE_DIR"'), "--channel", f"train={data}",
        prefix=forbidden,
    )  # fmt: skip
    assert code == 0, err
    assert "namespaces are not allowed here" in err
    assert f"base {local.output}/.work/algo-1/ml" in local.log
    assert local.archive("model.tar.gz") == {"w": "w\n"}
    assert (data / "x").read_text() == "content"


@pytest.mark.skipif(os.getuid() != 0, reason="needs root to become somebody else")
def test_as_an_unprivileged_user(local, namespaces, tmp_path_factory):
    # A folder that nobody may enter and own, outside of root's temporary ones.
    base = pathlib.Path(subprocess.check_output(["mktemp", "-d"], text=True).strip())
    try:
        os.chmod(base, 0o755)
        (base / "data").mkdir()
        (base / "data" / "x").write_text("content\n")
        (base / "train.sh").write_text("#!/bin/sh\n" + JOB + "; cat /proc/1/comm\n")
        binary = shutil.copy(local.berth, base / "berth")
        os.chmod(binary, 0o755)
        (base / "jobs").mkdir()
        os.chown(base / "jobs", 65534, 65534)
        done = subprocess.run(
            ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", binary, "local",
             "train", "--entry-point", "../train.sh", "--channel", "train=../data",
             "--output", "n"],
            cwd=base / "jobs", env={"PATH": "/usr/bin:/bin", "HOME": "/"}, capture_output=True,
            text=True, check=False,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        assert "content\n65534\n" in done.stdout
        assert os.stat(base / "jobs" / "n" / "model.tar.gz").st_uid == 65534
    finally:
        shutil.rmtree(base)
