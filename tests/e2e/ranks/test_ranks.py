"""`berth rank` as a launcher starts it, with the host's side around it."""

import json
import os
import pathlib
import re
import signal
import subprocess
import sys

from hosted import PATIENCE, alive, wait_until

PRINT = """
import os, sys
rank = os.environ["RANK"]
for i in range(200):
    where = sys.stdout if i % 2 else sys.stderr
    print(rank, i, "x" * (i * 37 % 9000), "end", file=where, flush=i % 7 == 0)
"""


def test_lines_of_64_ranks_are_whole(ranks):
    code, out, err = ranks.run(sys.executable, "-c", PRINT, count=64)
    assert code == 0
    seen = {}
    for text, odd in ((out, 1), (err, 0)):
        for line in text.decode().splitlines():
            match = re.fullmatch(r"\[(\d+), algo-1\] (\d+) (\d+) (x*) end", line)
            assert match, line[:200]
            rank, again, number = (int(match[group]) for group in (1, 2, 3))
            assert rank == again and number % 2 == odd
            assert len(match[4]) == number * 37 % 9000
            seen.setdefault((rank, odd), []).append(number)
    assert seen == {
        (rank, odd): list(range(odd, 200, 2)) for rank in range(64) for odd in (0, 1)
    }
    (over,) = ranks.events("over")
    assert over == {"event": "over", "code": 0, "idle": True, "lost": False}


def test_arguments_reach_the_ranks_byte_for_byte(ranks):
    words = ["", "a b", "$HOME", "'\"`\\", "--", "*", "line\nbreak", "-x"]
    code, out, _ = ranks.run(
        sys.executable, "-c", "import json, sys; print(json.dumps(sys.argv[1:]))", *words, count=1
    )
    assert code == 0
    assert json.loads(out) == words


def test_the_first_ranks_failure_is_told_with_its_traceback(ranks):
    script = "import os; os.environ['RANK'] != '1' or int('x'); print('fine')"
    code, _, err = ranks.run(sys.executable, "-c", script, count=3)
    assert code == 1
    ends = {end["rank"]: end for end in ranks.events("ended")}
    assert [ends[rank]["exit_code"] for rank in range(3)] == [0, 1, 0]
    assert ends[1]["error_tail"].endswith("ValueError: invalid literal for int() with base 10: 'x'\n")
    assert b"[1, algo-1] Traceback (most recent call last):\n" in err


def test_hundreds_of_ranks_one_after_the_other(ranks):
    code, out, _ = ranks.run("sh", "-c", "echo $TORCHELASTIC_RESTART_COUNT", count=2, rounds=150)
    assert code == 0
    for rank in range(2):
        lines = [line for line in out.decode().splitlines() if line.startswith(f"[{rank},")]
        assert lines == [f"[{rank}, algo-1] {turn}" for turn in range(150)]


def test_a_killed_rank_is_told_and_the_launcher_sees_the_same(ranks):
    ranks.start("sleep", "600", count=1)
    ranks.wait_for("started", 1)
    (wrapper,) = rank_processes(ranks, 0)
    (child,) = children(wrapper)
    os.kill(child, signal.SIGKILL)
    code, _, _ = ranks.finish()
    (end,) = ranks.events("ended")
    assert (end["rank"], end["pid"], end["signal"]) == (0, child, 9)
    assert code == 128 + 9


def test_a_killed_wrapper_takes_its_rank_along(ranks):
    ranks.start("sleep", "600", count=2)
    ranks.wait_for("started", 2)
    (wrapper,) = rank_processes(ranks, 0)
    (child,) = children(wrapper)
    os.kill(wrapper, signal.SIGKILL)
    (end,) = ranks.wait_for("ended", 1)
    assert (end["rank"], end["signal"]) == (0, 9)
    wait_until(lambda: not alive(child))


def test_the_hosts_death_ends_its_ranks_even_stubborn_ones(ranks):
    ranks.start("sh", "-c", "trap '' TERM; while :; do sleep 0.05; done", count=2)
    ranks.wait_for("started", 2)
    wrappers = rank_processes(ranks, 0) + rank_processes(ranks, 1)
    family = wrappers + [child for wrapper in wrappers for child in children(wrapper)]
    ranks.process.kill()
    wait_until(lambda: not any(alive(pid) for pid in family))


STACKS = """
import os, subprocess, sys, threading, time
def in_a_thread():
    threading.Event().wait()
threading.Thread(target=in_a_thread, daemon=True).start()
def in_the_child():
    print("up", flush=True)
    time.sleep(600)
def in_the_rank():
    os.waitpid(pid, 0)
pid = os.fork()
in_the_child() if pid == 0 else in_the_rank()
"""


def test_stacks_of_all_threads_and_processes_also_of_stopped_ones(ranks, tmp_path):
    ranks.start(sys.executable, "-c", STACKS, count=2, cwd=tmp_path)
    out = b""
    while out.count(b"up\n") < 2:
        out += os.read(ranks.process.stdout.fileno(), 4096)
    (wrapper,) = rank_processes(ranks, 1)
    (stopped,) = children(wrapper)
    os.kill(stopped, signal.SIGSTOP)
    ranks.order("stacks")
    code, _, err = ranks.finish()
    assert code == 128 + signal.SIGABRT
    for rank in range(2):
        text = "\n".join(
            line for line in err.decode().splitlines() if line.startswith(f"[{rank}, algo-1] ")
        )
        for place in ("in in_a_thread", "in in_the_child", "in in_the_rank"):
            assert place in text
    assert {end["signal"] for end in ranks.events("ended")} == {signal.SIGABRT}
    assert not list(tmp_path.glob("core*"))


def test_a_reader_who_stands_still_holds_the_ranks_and_loses_nothing(ranks):
    ranks.start("sh", "-c", "seq 1 200000", count=4)
    ranks.wait_for("started", 4)
    # Their 1.3 MB each are more than all pipes hold: nobody can end.
    assert ranks.events("ended") == []
    code, out, _ = ranks.finish()
    assert code == 0
    for rank in range(4):
        prefix = f"[{rank}, algo-1] "
        lines = [line[len(prefix) :] for line in out.decode().splitlines() if line.startswith(prefix)]
        assert lines == [str(number) for number in range(1, 200001)]


def test_closed_streams_do_not_disturb(ranks):
    code, out, _ = ranks.run("sh", "-c", "exec >&- 2>&-; exit 5", count=2)
    assert (code, out) == (5, b"")


def test_without_a_launcher_it_says_how_it_is_started(berth):
    environment = {"PATH": os.environ["PATH"]}
    ran = subprocess.run([berth, "rank"], env=environment, capture_output=True, timeout=PATIENCE)
    assert ran.returncode == 2
    assert ran.stderr.decode() == (
        "berth rank: no launcher has given this process a rank (RANK, OMPI_COMM_WORLD_RANK, "
        "PMIX_RANK or PMI_RANK): it is started by torchrun or mpirun inside of a job of "
        "`berth train`, not by hand\n"
    )


def test_without_a_host_it_says_so(berth):
    for variables, words in (
        (
            {},
            "BERTH_RANK_SOCKET is not set: the launcher that started it was not started by "
            "`berth train`, or did not pass the variable on",
        ),
        (
            {"BERTH_RANK_SOCKET": "berth-nobody-listens"},
            'cannot connect to the socket "@berth-nobody-listens": Connection refused: is the '
            "job's `berth train` gone?",
        ),
    ):
        environment = {"PATH": os.environ["PATH"], "OMPI_COMM_WORLD_RANK": "7"} | variables
        ran = subprocess.run([berth, "rank"], env=environment, capture_output=True, timeout=PATIENCE)
        assert ran.returncode == 125
        assert ran.stderr.decode() == f"berth rank: rank 7 cannot run: {words}\n"


def children(pid):
    return [
        int(child)
        for child in pathlib.Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    ]


def rank_processes(ranks, rank):
    """The `berth rank` of this number."""
    (launcher,) = children(ranks.process.pid)
    return [
        pid
        for pid in children(launcher)
        if f"RANK={rank}".encode() in pathlib.Path(f"/proc/{pid}/environ").read_bytes().split(b"\0")
    ]
