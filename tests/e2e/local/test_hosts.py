"""Several hosts on one machine: each is one of its own, and together they are one job."""

import contextlib
import json
import os
import pathlib
import select
import shutil
import signal
import subprocess

import pytest

import job_hosts
from local_job import DEADLINE

pytestmark = pytest.mark.usefixtures("several_hosts")

# Every host listens, connects to every other by its name, and says who answered.
MEET = """
import json, os, socket, threading
hosts = json.loads(os.environ["SM_HOSTS"])
me = os.environ["SM_CURRENT_HOST"]
server = socket.create_server(("", 7777), backlog=64)
def answer():
    while True:
        peer, _ = server.accept()
        peer.sendall(f"{me} {socket.gethostname()}".encode())
        peer.close()
threading.Thread(target=answer, daemon=True).start()
def ask(host):
    while True:
        try:
            with socket.create_connection((host, 7777), timeout=60) as peer:
                return peer.makefile().read()
        except ConnectionRefusedError:
            pass  # it has not begun to listen
for host in hosts:
    assert ask(host) == f"{host} {host}"
print(f"{me} met {len(hosts)}", flush=True)
"""
# Ends when every other host has met this one.
BARRIER = """
import time
done = os.path.join("/opt/ml/checkpoints", me)
open(done, "w").close()
while len(os.listdir("/opt/ml/checkpoints")) < len(hosts):
    time.sleep(0.01)
"""
WAIT = 'echo ready; while :; do sleep 0.1; done'


def count(number):
    return ("--instance-count", str(number))


def lines(out):
    return [line for line in out.splitlines() if line.startswith("[algo-")]


def test_reach_one_another_by_name(local):
    code, out, err = local.run(*local.code(MEET + BARRIER, "train.py"), *count(3))
    assert code == 0, err + out
    for number in (1, 2, 3):
        assert f"algo-{number} met 3\n" in local.log_of(number)
        assert f"[algo-{number}] algo-{number} met 3" in lines(out)


def test_are_hosts_of_their_own(local):
    local.code(
        "uname -n\n"
        "for kind in net mnt uts ipc pid; do echo $kind $(readlink /proc/self/ns/$kind); done\n"
        "echo $SM_CURRENT_HOST > /dev/shm/mine; ls /dev/shm\n"
        "cat /etc/hosts /opt/ml/input/config/resourceconfig.json; ls -d /opt/ml/code/*\n"
    )
    code, _, err = local.run(
        "--source", str(local.source), "--entry-point", "train.sh", *count(2)
    )
    assert code == 0, err
    kinds = ["net", "mnt", "uts", "ipc", "pid"]
    seen = []
    for number in (1, 2):
        log = local.log_of(number)
        assert f"\nalgo-{number}\n" in log
        assert "\nmine\n" in log
        assert "10.0.0.1\talgo-1\n10.0.0.2\talgo-2\n" in log
        assert "/opt/ml/code/train.sh" in log
        config = next(line for line in log.splitlines() if line.startswith('{"current'))
        config = json.loads(config.partition("/opt/ml/code")[0])
        assert config == {
            "current_host": f"algo-{number}",
            "current_instance_type": "local",
            "current_group_name": "homogeneousCluster",
            "hosts": ["algo-1", "algo-2"],
            "instance_groups": [
                {
                    "instance_group_name": "homogeneousCluster",
                    "instance_type": "local",
                    "hosts": ["algo-1", "algo-2"],
                }
            ],
            "network_interface_name": "eth0",
        }
        seen.append({k: line for line in log.splitlines() for k in kinds if line.startswith(k + " ")})
    for kind in kinds:
        assert seen[0][kind] != seen[1][kind]
        assert os.readlink(f"/proc/self/ns/{kind}") not in (seen[0][kind], seen[1][kind])


def test_are_in_the_groups_of_the_request(local):
    data = local.data(x="1")
    source = {"S3Uri": f"file://{data}", "InstanceGroupNames": ["loaders"]}
    request = local.request(
        ResourceConfig={
            "InstanceGroups": [
                {"InstanceGroupName": "loaders", "InstanceType": "ml.c5.large", "InstanceCount": 2},
                {"InstanceGroupName": "trainers", "InstanceType": "ml.p3.large", "InstanceCount": 1},
            ]
        },
        InputDataConfig=[{"ChannelName": "raw", "DataSource": {"S3DataSource": source}}],
    )
    code, _, err = local.run(
        request,
        *local.code(
            "echo $SM_CURRENT_INSTANCE_GROUP $SM_CURRENT_INSTANCE_TYPE $SM_CURRENT_INSTANCE_GROUP_HOSTS"
            " $SM_CHANNELS"
        ),
    )
    assert code == 0, err
    assert 'loaders ml.c5.large ["algo-1","algo-2"] ["raw"]' in local.log_of(1)
    assert 'loaders ml.c5.large ["algo-1","algo-2"] ["raw"]' in local.log_of(2)
    assert 'trainers ml.p3.large ["algo-3"] []' in local.log_of(3)


def channel(name, folder, mode="File", distribution="ShardedByS3Key"):
    source = {"S3Uri": f"file://{folder}", "S3DataDistributionType": distribution}
    return {"ChannelName": name, "InputMode": mode, "DataSource": {"S3DataSource": source}}


def test_have_all_of_a_channel_or_a_share(local):
    names = {f"f{i}": f"{i};" for i in range(7)}
    data = local.data(**names)
    request = local.request(
        InputDataConfig=[
            channel("all", data, distribution="FullyReplicated"),
            channel("shared", data),
            channel("fast", data, mode="FastFile"),
            channel("pipe", data, mode="Pipe"),
            channel("whole-pipe", data, mode="Pipe", distribution="FullyReplicated"),
        ]
    )
    script = """
        cd /opt/ml/input/data
        for name in all shared fast; do echo $name: $(cat $name/*); done
        for name in pipe whole-pipe; do echo $name: $(cat ${name}_0); done
        (echo no > shared/f0; rm shared/f*) 2> /dev/null && exit 9
        exit 0
    """
    code, _, err = local.run(request, *local.code(script), *count(3))
    assert code == 0, err
    everything = "".join(names.values())
    shares = ["0;3;6;", "1;4;", "2;5;"]
    for number, share in enumerate(shares, 1):
        for expected in (
            f"all: {everything}", f"shared: {share}", f"fast: {share}", f"pipe: {share}",
            f"whole-pipe: {everything}",
        ):  # fmt: skip
            assert expected in local.log_of(number).splitlines()
    assert sorted(p.name for p in data.iterdir()) == sorted(names)
    assert not (local.output / ".work").exists()


def test_leave_one_model_and_one_output(local):
    code, out, err = local.run(
        *local.code(
            "me=$SM_CURRENT_HOST\n"
            "echo $me > $SM_MODEL_DIR/$me; mkdir $SM_MODEL_DIR/deep; echo $me > $SM_MODEL_DIR/deep/$me\n"
            "echo $me > $SM_MODEL_DIR/both; echo same > $SM_MODEL_DIR/same\n"
            "echo $me > $SM_OUTPUT_DATA_DIR/$me; echo $me > /opt/ml/checkpoints/$me\n"
            "mkdir -p /opt/ml/output/intermediate; echo $me > /opt/ml/output/intermediate/$me\n"
            "echo loss=0.${me#algo-}\n"
        ),
        *count(2), "--metric", "loss=^loss=([0-9.]+)",
    )  # fmt: skip
    assert code == 0, err
    assert local.archive("model.tar.gz") == {
        "algo-1": "algo-1\n", "algo-2": "algo-2\n", "both": "algo-1\n", "same": "same\n",
        "deep/algo-1": "algo-1\n", "deep/algo-2": "algo-2\n",
    }  # fmt: skip
    assert 'the model: algo-1 and algo-2 both wrote "both": that of algo-1 is kept' in err
    assert err.count("both wrote") == 1
    assert local.archive("output.tar.gz") == {
        "data/algo-1": "algo-1\n", "data/algo-2": "algo-2\n", "success": "",
    }  # fmt: skip
    for folder in ("checkpoints", "intermediate"):
        assert sorted(p.name for p in (local.output / folder).iterdir()) == ["algo-1", "algo-2"]
    assert sorted(metric["Value"] for metric in local.metrics) == [0.1, 0.2]
    assert "logs/algo-1.log" in out and "logs/algo-2.log" in out


def test_show_whole_lines_only(local):
    script = """
        i=0
        while [ $i -lt 2000 ]; do
            printf "$SM_CURRENT_HOST "; printf "line %s\\n" $i; i=$((i+1))
        done
        printf end
    """
    code, out, err = local.run(*local.code(script), *count(3))
    assert code == 0, err
    for number in (1, 2, 3):
        name = f"algo-{number}"
        shown = [line for line in lines(out) if line.startswith(f"[{name}] ")]
        expected = [f"[{name}] {name} line {i}" for i in range(2000)] + [f"[{name}] end"]
        assert [line for line in shown if " line " in line or line.endswith("end")] == expected
        assert f"{name} line 1999\nend" in local.log_of(number)


def test_end_together_when_one_fails(local):
    code, out, err = local.run(
        *local.code(
            'trap "echo stopped; exit 5" TERM; echo ready\n'
            'if [ $SM_CURRENT_HOST = algo-2 ]; then echo "the loss is lost" >&2; exit 7; fi\n'
            "while :; do sleep 0.1; done"
        ),
        *count(3),
    )
    assert code == 1, err
    reason = local.record["FailureReason"]
    assert reason.startswith("AlgorithmError: algo-2: ") and reason.endswith(", exit code: 7")
    assert "the loss is lost" in reason
    assert "algo-2 failed (exit code 7): stopping the other hosts" in err
    assert "the loss is lost" in local.archive("output.tar.gz")["failure"]
    assert not (local.output / "model.tar.gz").exists()
    assert local.record["SecondaryStatus"] == "Failed"


def test_end_alone_when_they_end_well(local):
    code, _, err = local.run(
        *local.code(
            "other=/opt/ml/checkpoints/algo-1\n"
            "while [ $SM_CURRENT_HOST = algo-2 ] && [ ! -e $other ]; do sleep 0.1; done\n"
            "echo ended > $SM_MODEL_DIR/$SM_CURRENT_HOST; touch /opt/ml/checkpoints/$SM_CURRENT_HOST"
        ),
        *count(2),
    )
    assert code == 0, err
    assert sorted(local.archive("model.tar.gz")) == ["algo-1", "algo-2"]


def test_stop_together(local):
    trapped = 'trap "echo saved > $SM_MODEL_DIR/$SM_CURRENT_HOST; exit 0" TERM; ' + WAIT
    job = local.start(*local.code(trapped), *count(2))
    job.wait_for_all("[algo-1] ready", "[algo-2] ready")
    job.send(signal.SIGINT)
    code, _, err = job.end()
    assert code == 130, err
    assert local.record["TrainingJobStatus"] == "Stopped"
    assert local.archive("model.tar.gz") == {"algo-1": "saved\n", "algo-2": "saved\n"}


def test_stop_at_the_longest_time(local):
    code, _, err = local.run(*local.code(WAIT), *count(2), "--max-runtime", "1")
    assert code == 124, err
    assert local.record["SecondaryStatus"] == "MaxRuntimeExceeded"


def test_are_interrupted_together_and_start_again(local):
    keep = local.data("keep")
    script = """
        mine=/opt/ml/checkpoints/$SM_CURRENT_HOST
        if [ -e $mine ]; then echo again; exit 0; fi
        echo 1 > $mine
        while :; do sleep 0.1; done
    """
    request = local.request(CheckpointConfig={"S3Uri": f"file://{keep}"})
    code, _, err = local.run(request, *local.code(script), *count(2), "--interrupt-after", "2")
    assert code == 0, err
    assert "its end: exit codes 143, 143" in err
    for number in (1, 2):
        assert "again\n" in (local.output / "logs" / f"algo-{number}-2.log").read_text()


def test_that_are_cut_off_come_back(local):
    script = """
import os, socket, sys
if os.environ["SM_CURRENT_HOST"] == "algo-1":
    server = socket.create_server(("", 7777))
    print("listening", flush=True)
    peer, _ = server.accept()
else:
    while True:
        try:
            peer = socket.create_connection(("algo-1", 7777), timeout=60)
            break
        except ConnectionRefusedError:
            pass
print("connected", flush=True)
path = os.path.join("/opt/ml/checkpoints", "cut")
if os.environ["SM_CURRENT_HOST"] == "algo-1":
    while not os.path.exists(path):
        pass
    peer.sendall(b"through the cut")
    print("sent", flush=True)
    peer.close()
else:
    print(peer.makefile().read(), flush=True)
"""
    job = local.start(*local.code(script, "train.py"), *count(2))
    job.wait_for_all("[algo-1] connected", "[algo-2] connected")
    host = job.host(2)
    host.cut()
    (local.output / "checkpoints" / "cut").touch()
    job.wait_for("[algo-1] sent")
    assert "through the cut" not in local.log_of(2)
    host.mend()
    code, out, err = job.end()
    assert code == 0, err + out
    assert "through the cut\n" in local.log_of(2)


def test_can_be_entered_and_lose_their_network(local):
    job = local.start(*local.code(WAIT), *count(2))
    job.wait_for_all("[algo-1] ready", "[algo-2] ready")
    host = job.host(2)
    assert host.run("uname", "-n").stdout == "algo-2\n"
    assert any("train.sh" in command for command in host.processes().values())
    probe = "import socket; socket.socket(type=socket.SOCK_DGRAM).connect(('algo-1', 9))"
    reach = ("python3", "-c", probe)
    host.run(*reach)
    host.down()
    assert "Network is unreachable" in host.run(*reach, check=False).stderr
    host.up()
    host.run(*reach)
    job.send(signal.SIGINT)
    assert job.end()[0] == 130


def test_one_that_is_gone_fails_the_job(local):
    job = local.start(*local.code(WAIT), *count(2))
    job.wait_for_all("[algo-1] ready", "[algo-2] ready")
    job.host(2).kill()
    code, _, err = job.end()
    assert code == 1, err
    assert local.record["FailureReason"] == (
        "AlgorithmError: algo-2: killed by signal 9 (Killed), exit code: 137"
    )


def test_kill_9_of_the_platform_leaves_nothing(local):
    script = f"(setsid sleep 3600 < /dev/null > /dev/null 2>&1 &); {WAIT}"
    job = local.start(*local.code(script), *count(3))
    job.wait_for_all(*(f"[algo-{i}] ready" for i in (1, 2, 3)))
    hosts = [job.host(i) for i in (1, 2, 3)]
    everything = job_hosts.descendants(job.process.pid)
    assert set(everything) > {pid for host in hosts for pid in (host.keeper, host.init)}
    # Namespaces, with the mounts and devices in them, are there for as long as these are.
    handles = []
    for pid in everything:
        with contextlib.suppress(ProcessLookupError):  # the scripts' own `sleep 0.1`
            handles.append(os.pidfd_open(pid))
    job.send(signal.SIGKILL)
    assert job.process.wait() == -signal.SIGKILL
    job.process.stderr.read()  # the end of every process of the platform's
    for handle in handles:
        assert select.select([handle], [], [], DEADLINE)[0]
        os.close(handle)


def test_many_start_at_once(local):
    script = MEET + BARRIER + "print(hosts[:4])\n"
    code, out, err = local.run(*local.code(script, "train.py"), *count(11))
    assert code == 0, err + out
    assert "algo-11 met 11\n" in local.log_of(11)
    assert "['algo-1', 'algo-10', 'algo-11', 'algo-2']\n" in local.log_of(2)


def test_have_no_process_namespace_where_proc_is_hidden(local):
    # As in most containers: a part of /proc is covered by somebody with more rights than ours, so
    # that no new one may be mounted.
    hidden = (
        "unshare", "--user", "--map-root-user", "--mount", "sh", "-c",
        "mount --bind /dev/null /proc/version"
        ' && exec unshare --user --map-root-user --mount "$0" "$@"',
    )  # fmt: skip
    code, out, err = local.run(
        *local.code(MEET + BARRIER, "train.py"), *count(2), prefix=hidden
    )
    assert code == 0, err + out
    assert "the job has no process namespace of its own" in err
    assert "algo-2 met 2\n" in local.log_of(2)


def test_are_refused_where_namespaces_are_forbidden(local, forbidden):
    code, _, err = local.run(*local.code("echo started"), *count(2), prefix=forbidden)
    assert code == 2, err
    assert "2 hosts need namespaces of their own, and those cannot be had here" in err
    assert len(err.strip().splitlines()) == 1
    assert not local.output.exists()


def test_of_wrong_groups_are_refused_at_once(local):
    request = local.request(
        HyperParameters={"sagemaker_distribution_instance_groups": '["gpu"]'},
        ResourceConfig={
            "InstanceGroups": [
                {"InstanceGroupName": "a", "InstanceType": "ml.c5.large", "InstanceCount": 1},
                {"InstanceGroupName": "b", "InstanceType": "ml.c5.large", "InstanceCount": 1},
            ]
        },
    )
    code, _, err = local.run(request, *local.code("echo started"))
    assert code == 2, err
    assert (
        'HyperParameters["sagemaker_distribution_instance_groups"]: "gpu" is none of the instance '
        "groups: a, b"
    ) in err
    assert not local.output.exists()


@pytest.mark.skipif(os.getuid() != 0, reason="needs root to become somebody else")
def test_of_an_unprivileged_user(local):
    # A folder that nobody may enter and own, outside of root's temporary ones.
    base = pathlib.Path(subprocess.check_output(["mktemp", "-d"], text=True).strip())
    try:
        os.chmod(base, 0o755)
        (base / "meet.py").write_text(MEET + BARRIER + 'open("/opt/ml/model/" + me, "w").close()\n')
        binary = shutil.copy(local.berth, base / "berth")
        os.chmod(binary, 0o755)
        (base / "jobs").mkdir()
        os.chown(base / "jobs", 65534, 65534)
        done = subprocess.run(
            ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", binary, "local",
             "train", "--entry-point", "../meet.py", "--instance-count", "2", "--output", "n"],
            cwd=base / "jobs", env={"PATH": "/usr/bin:/bin", "HOME": "/"}, capture_output=True,
            text=True, check=False, timeout=120,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        assert "[algo-1] algo-1 met 2" in done.stdout and "[algo-2] algo-2 met 2" in done.stdout
        assert os.stat(base / "jobs" / "n" / "model.tar.gz").st_uid == 65534
    finally:
        shutil.rmtree(base)
