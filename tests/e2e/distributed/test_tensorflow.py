"""TF_CONFIG on two hosts, by value, and the parameter servers' processes."""

import json

SCRIPT = """
print("config " + os.environ["TF_CONFIG"], flush=True)
"""

# In place of TensorFlow: what the parameter server calls, and what it was called with.
TENSORFLOW = """
import json, os, signal, sys
class _Train:
    def ClusterSpec(self, cluster):
        return cluster
class _ConfigProto:
    def __init__(self, device_count):
        self.device_count = device_count
class _V1:
    ConfigProto = _ConfigProto
class compat:
    v1 = _V1
train = _Train()
class _Server:
    def __init__(self, cluster, job_name, task_index, config):
        said = {"cluster": cluster, "job": job_name, "index": task_index,
                "devices": config.device_count, "gpus": os.environ["CUDA_VISIBLE_DEVICES"],
                "config": os.environ.get("TF_CONFIG")}
        print("server " + json.dumps(said), flush=True)
    def join(self):
        while True:
            signal.pause()
class distribute:
    Server = _Server
"""


def told(host, what):
    """What the host's process has said about itself."""
    (line,) = host.lines(what + " {")
    return json.loads(line.partition(what + " ")[2])


def test_multi_worker_mirrored(cluster):
    end = cluster.run(
        cluster.plain(SCRIPT), launcher="multi_worker_mirrored_strategy", engine="system"
    )
    assert end.code == 0, end
    for number, host in enumerate(end.hosts):
        assert told(host, "config") == {
            "cluster": {"worker": ["algo-1:8890", "algo-2:8890"]},
            "environment": "cloud",
            "task": {"index": number, "type": "worker"},
        }


def test_parameter_servers(cluster):
    folder = cluster.local.base / "modules"
    folder.mkdir()
    (folder / "tensorflow.py").write_text(TENSORFLOW)
    # The last to end is a worker: until then the servers of both hosts serve.
    script = """
if host == "algo-2":
    while not os.path.exists("/opt/ml/checkpoints/go"):
        time.sleep(0.01)
"""
    job = cluster.start(
        cluster.plain(SCRIPT + script), launcher="parameter_server", engine="system",
        variables={"PYTHONPATH": str(folder)},
    )  # fmt: skip
    job.wait_for("config {", 2)
    job.wait_for("server {", 2)
    (cluster.local.output / "checkpoints" / "go").touch()
    with job.event():
        pass
    end = job.end()
    assert end.code == 0, end
    servers = {
        "master": ["algo-1:2222"], "worker": ["algo-2:2222"], "ps": ["algo-1:2223", "algo-2:2223"],
    }  # fmt: skip
    for number, (host, kind) in enumerate(zip(end.hosts, ["master", "worker"])):
        assert told(host, "config") == {
            "cluster": servers, "environment": "cloud", "task": {"index": 0, "type": kind},
        }  # fmt: skip
        assert told(host, "server") == {
            "cluster": servers, "job": "ps", "index": number, "devices": {"GPU": 0}, "gpus": "-1",
            "config": None,
        }  # fmt: skip
        assert host.succeeded


def test_a_script_beside_parameter_servers_fails(cluster):
    folder = cluster.local.base / "modules"
    folder.mkdir()
    (folder / "tensorflow.py").write_text(TENSORFLOW)
    script = """
if host == "algo-2":
    raise ValueError("bad batch")
time.sleep(3600)
"""
    job = cluster.start(
        cluster.plain(script), launcher="parameter_server", engine="system",
        variables={"PYTHONPATH": str(folder)},
    )  # fmt: skip
    with job.event():
        job.wait_for("ValueError: bad batch")
    end = job.end()
    assert end.code == 1, end
    for host in end.hosts:
        assert host.code == 1
        assert " on algo-2: ValueError: bad batch" in host.report
