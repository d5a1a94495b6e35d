"""A job is stopped as the platform stops it, and nothing of it stays."""

import os
import signal

TRAPPED = 'trap "echo saved > $SM_MODEL_DIR/m; exit 0" TERM; echo ready; while :; do sleep 0.1; done'


def test_by_a_signal_keeps_what_the_job_saved(local):
    for number in (signal.SIGINT, signal.SIGTERM):
        local.output = local.base / number.name
        job = local.start(*local.code(TRAPPED))
        job.wait_for("ready")
        job.send(number)
        code, _, err = job.end()
        assert code == 128 + number, err
        assert local.record["TrainingJobStatus"] == "Stopped"
        assert local.record["SecondaryStatus"] == "Stopped"
        assert "Stopping" in [t["Status"] for t in local.record["SecondaryStatusTransitions"]]
        assert local.archive("model.tar.gz") == {"m": "saved\n"}


def test_at_its_longest_time(local):
    code, _, err = local.run(*local.code(TRAPPED), "--max-runtime", "1")
    assert code == 124, err
    assert local.record["TrainingJobStatus"] == "Stopped"
    assert local.record["SecondaryStatus"] == "MaxRuntimeExceeded"


def test_by_a_signal_before_the_job_can_notice_it(local, namespaces):
    # PID 1 gets no signal that it does not handle: this one would be lost.
    go = local.base / "go"
    os.mkfifo(go)
    script = (
        f'echo begun; read x < {go}; trap "exit 0" TERM; echo listens\n'
        "while :; do sleep 0.1; done"
    )
    entry = {"ContainerEntrypoint": ["/bin/sh", "-c", script]}
    job = local.start(local.request(AlgorithmSpecification=entry))
    job.wait_for("begun")
    job.send(signal.SIGTERM)
    go.write_text("go\n")
    code, out, err = job.end()
    assert code == 143, err
    assert "listens" in out and "did not end within" not in err


def test_at_once_when_asked_again(local):
    job = local.start(*local.code('trap "echo not yet" TERM; echo ready; while :; do sleep 0.1; done'))
    job.wait_for("ready")
    job.send(signal.SIGINT)
    job.wait_for("not yet")
    job.send(signal.SIGINT)
    code, _, err = job.end()
    assert code == 130, err
    assert local.record["TrainingJobStatus"] == "Stopped"


def holders(fifo):
    """Opens a FIFO for reading; the end of what it reads comes when its last writer is gone."""
    return os.open(fifo, os.O_RDONLY | os.O_NONBLOCK)


def test_kill_9_of_the_platform_leaves_no_process(local, tmp_path):
    fifo = tmp_path / "held"
    os.mkfifo(fifo)
    reader = holders(fifo)
    job = local.start(
        *local.code(f"(setsid sleep 3600 > {fifo} 2>&1 < /dev/null &) ; echo ready; sleep 3600")
    )
    job.wait_for("ready")
    job.send(signal.SIGKILL)
    assert job.process.wait() == -signal.SIGKILL
    os.set_blocking(reader, True)
    assert os.read(reader, 1) == b""
    job.process.stderr.read()  # the end of every process of the platform's
    code, _, err = local.run(*local.code("echo again"))
    assert code == 2 and "holds a job whose run was killed" in err, err
    assert local.record["TrainingJobStatus"] == "InProgress"
    assert not list(local.output.glob("*.tar.gz*")) and not (local.output / "metrics.json").exists()
