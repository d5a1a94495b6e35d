"""The log of many ranks: whole lines, each with the rank and the host that wrote it."""

import collections
import re

# Each line in two writes, some long, without a newline at the end, and from two threads at once.
SCRIPT = """
import threading
def write(name, count):
    for i in range(count):
        text = f"{name}{i} " + "x" * (i * 997 % 3000)
        os.write(1, text[:7].encode())
        os.write(1, text[7:].encode() + b"\\n")
write("a", 30)
os.write(1, ("long " + "y" * 200_000 + "\\n").encode())
os.write(2, b"no newline")
"""
LINE = re.compile(r"\[(\d+), (algo-\d)\] (.*)")


def test_sixty_four_ranks_write_whole_lines(cluster):
    # Without mpi4py, which 64 times on one machine takes long: what is tested is not MPI.
    end = cluster.run(
        cluster.plain(SCRIPT), hosts=2, ranks=32, engine="system",
        hyperparameters={"sagemaker_mpi_custom_mpi_options": "--oversubscribe"},
    )  # fmt: skip
    assert end.code == 0, end.err
    expected = [f"a{i} " + "x" * (i * 997 % 3000) for i in range(30)]
    for host in end.hosts:
        lines = collections.defaultdict(list)
        for line in host.log.splitlines():
            if match := LINE.fullmatch(line):
                assert match[2] == host.name
                lines[int(match[1])].append(match[3])
        first = 0 if host.name == "algo-1" else 32
        assert sorted(lines) == list(range(first, first + 32))
        for rank, of_rank in lines.items():
            assert of_rank[:30] == expected, rank
            assert sorted(of_rank[30:]) == ["long " + "y" * 200_000, "no newline"], rank
        # Nothing of a rank is outside of such lines.
        assert "x" * 100 not in "".join(
            line for line in host.log.splitlines() if not LINE.fullmatch(line)
        )
