"""MPI over several hosts: real engines, real sshd, the contract's variables on every rank."""

import json

import pytest

SCRIPT = """
total = world.allreduce(rank + 1)
facts = {"rank": rank, "size": size, "sum": total, "host": host, "name": socket.gethostname(),
         "mpi": MPI.Get_library_version()[:12], "arguments": sys.argv[1:],
         "variables": {name: os.environ.get(name) for name in
                       ("SM_CURRENT_HOST", "SM_HP_TEXT", "MASTER_ADDR", "MASTER_PORT", "MINE")}}
import json
print("fact " + json.dumps(facts), flush=True)
world.Barrier()
"""

AWKWARD = 'a b"c\'d $HOME `x` ;&|*\\ é'


def facts(end):
    """{rank: what it said}, and that it said so on its own host, with its prefix."""
    found = {}
    for host in end.hosts:
        for line in host.lines("fact {"):
            prefix, _, text = line.partition("fact ")
            fact = json.loads(text)
            several = f"[{fact['rank']}, {host.name}] "
            assert prefix == (several if fact["size"] > 1 else "")
            assert fact["host"] == host.name
            found[fact["rank"]] = fact
    return found


@pytest.mark.parametrize("hosts, ranks", [(1, 1), (1, 3), (2, 2), (4, 1)])
@pytest.mark.parametrize("engine", ["Open MPI 4", "Open MPI 5", "MPICH"])
def test_ranks_of_all_hosts_compute_together(cluster, engine, hosts, ranks):
    end = cluster.run(
        cluster.mpi(SCRIPT), hosts=hosts, ranks=ranks, engine=engine,
        hyperparameters={"text": AWKWARD, "empty": ""}, variables={"MINE": "of the job"},
    )  # fmt: skip
    assert end.code == 0, end
    found = facts(end)
    size = hosts * ranks
    assert sorted(found) == list(range(size)), end
    for rank, fact in found.items():
        assert fact["mpi"].startswith(engine.partition(" ")[0]), fact
        assert fact["sum"] == size * (size + 1) // 2
        assert fact["size"] == size
        assert fact["host"] == fact["name"] == f"algo-{rank // ranks + 1}"
        assert fact["arguments"] == ["--empty", "", "--text", AWKWARD]
        assert fact["variables"] == {
            "SM_CURRENT_HOST": fact["host"], "SM_HP_TEXT": AWKWARD, "MASTER_ADDR": "algo-1",
            "MASTER_PORT": "7777", "MINE": "of the job",
        }  # fmt: skip
    assert all(host.succeeded for host in end.hosts)
