"""How a job is stopped: SIGTERM reaches the script, SIGKILL follows, the exit code tells."""

import signal


def wait_for_line(process, wanted):
    for line in process.stdout:
        if line.decode().strip() == wanted:
            return
    raise AssertionError(f"the output ended before {wanted!r}")


def test_sigterm_reaches_the_script_which_may_finish(container):
    container.code(
        "train.py",
        "import signal, sys, time\n"
        "def stop(*_):\n    print('saving'); sys.exit(0)\n"
        "signal.signal(signal.SIGTERM, stop)\nprint('ready')\nwhile True: time.sleep(60)\n",
    )
    container.hyperparameters(sagemaker_program="train.py")
    with container.start("train") as process:
        wait_for_line(process, "ready")
        process.send_signal(signal.SIGTERM)
        out, err = process.communicate(timeout=60)
    assert process.returncode == 0, err
    assert out == b"saving\n"


def test_a_script_that_does_not_handle_it_ends_with_143(container):
    container.code("train.py", "import time\nprint('ready')\nwhile True: time.sleep(60)\n")
    container.hyperparameters(sagemaker_program="train.py")
    with container.start("train") as process:
        wait_for_line(process, "ready")
        process.send_signal(signal.SIGTERM)
        process.communicate(timeout=60)
    assert process.returncode == 143
    assert 'ErrorMessage "stopped by Terminated' in container.failure


def test_a_script_that_ignores_it_is_killed_after_the_grace_period(container):
    container.code(
        "train.py",
        "import signal, time\nsignal.signal(signal.SIGTERM, signal.SIG_IGN)\n"
        "print('ready')\nwhile True: time.sleep(60)\n",
    )
    container.hyperparameters(sagemaker_program="train.py")
    with container.start("train", variables={"BERTH_GRACE_SECONDS": "0.3"}) as process:
        wait_for_line(process, "ready")
        process.send_signal(signal.SIGTERM)
        process.communicate(timeout=60)
    assert process.returncode == 137
    assert "killed when the grace period was over" in container.failure


def test_sigterm_while_installing_ends_the_job(container):
    container.code("train.py", "print('never')")
    container.code("requirements.txt", "")
    container.code("python/python3", "#!/bin/sh\necho installing\nexec sleep 600\n", 0o755)
    container.hyperparameters(sagemaker_program="train.py")
    path = f"{container.base}/code/python:{container.environment()['PATH']}"
    with container.start("train", variables={"PATH": path}) as process:
        wait_for_line(process, "installing")
        process.send_signal(signal.SIGTERM)
        out, _ = process.communicate(timeout=60)
    assert process.returncode == 143
    assert b"never" not in out
    assert container.failure.startswith("InstallRequirementsError:")
