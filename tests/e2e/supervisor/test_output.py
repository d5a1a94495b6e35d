"""Readers that go away, and descriptors that were never open."""

import os
import subprocess


def test_a_reader_that_went_away_leaves_job_and_exit_code_alone(container):
    mark = container.base / "mark"
    script = f"seq 1 300000; echo end >{mark}; exit 5"
    with container.start("run", "--", "sh", "-c", script) as process:
        assert process.stdout.readline() == b"1\n"
        process.stdout.close()
        assert process.wait(timeout=60) == 5
    assert mark.read_text() == "end\n"


def test_descriptors_closed_at_the_start(container):
    script = 'exec "$0" run -- sh -c "read x; echo out; echo err >&2; exit 6" <&- >&- 2>&-'
    done = subprocess.run(
        ["sh", "-c", script, container.berth], env=container.environment(), timeout=60
    )
    assert done.returncode == 6


def test_both_streams_into_one_pipe_keep_their_order(container):
    script = "i=0; while [ $i -lt 500 ]; do i=$((i+1)); echo o$i; echo e$i >&2; done"
    with container.start(
        "run", "--", "sh", "-c", script, stderr=subprocess.STDOUT
    ) as process:
        out, _ = process.communicate(timeout=60)
    assert process.returncode == 0
    assert out.decode() == "".join(f"o{i}\ne{i}\n" for i in range(1, 501))


def test_arguments_arrive_byte_for_byte(container):
    argument = bytes(range(1, 256)) + b" $x; * \n"
    with container.start("run", "--", "printf", "%s|", argument, "", os.fsencode("é")) as process:
        out, _ = process.communicate(timeout=60)
    assert out == argument + b"||" + "é".encode() + b"|"
