"""The exit code is settled before anything is written: reporting can fail, the verdict cannot."""

import os
import subprocess

import pytest


def run_in_mount_namespace(container, prepare):
    """Runs `train` with /opt/ml/output replaced as `prepare` (a shell line) says."""
    script = f'set -e\n{prepare}\nexec "$@"\n'
    output = str(container.base / "output")
    return subprocess.run(
        ["unshare", "-Urm", "/bin/sh", "-c", script, "sh", container.berth, "train"],
        env=container.environment(OUTPUT=output),
        capture_output=True,
        timeout=120,
        check=False,
    )


READ_ONLY = 'mount --bind "$OUTPUT" "$OUTPUT" && mount -o remount,bind,ro "$OUTPUT"'
FULL = (
    'mount -t tmpfs -o size=4k none "$OUTPUT"; dd if=/dev/zero of="$OUTPUT/fill" bs=4k 2>/dev/null'
    " || true"
)


@pytest.fixture(autouse=True)
def namespaces():
    probe = subprocess.run(["unshare", "-Urm", "true"], check=False)
    if probe.returncode != 0:
        pytest.skip("user namespaces are forbidden here")


@pytest.mark.parametrize("prepare", [READ_ONLY, FULL], ids=["read-only", "full"])
@pytest.mark.parametrize("code", [0, 5])
def test_an_output_that_cannot_be_written_changes_no_exit_code(container, prepare, code):
    container.code("train.py", f"exit({code})")
    container.hyperparameters(sagemaker_program="train.py")
    result = run_in_mount_namespace(container, prepare)
    assert result.returncode == code, result.stderr.decode()
    if code != 0 or prepare is READ_ONLY:
        assert b"cannot report" in result.stderr
    assert os.listdir(container.base / "output") == []
