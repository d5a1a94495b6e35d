"""The launchers start what sagemaker-training's would, but for what docs/deviations.md says.

Jobs are generated; the reference's command is taken apart, as ours is, and both must set the same.
"""

import json
import os
import random
import subprocess

import pytest

HOSTS = ["algo-1", "algo-2", "algo-3"]
ARGUMENTS = [["--lr", "0.1"], [], ["--a", "b c", "--d", "e'\"$"]]
OPTIONS = [
    "",
    "-x NCCL_DEBUG=WARN",
    "-x A=B --mca btl_base_verbose 10 -x C=D",
    "--NCCL_DEBUG WARN -verbose",
    "--mca pml cm --mca orte_abort_on_non_zero_status 0",
    "-x NCCL_MIN_NRINGS=8",
]
MODEL_PARALLEL = ["", "{}", '{"partitions": 2}', '{"ddp_dist_backend": "nccl"}']
LAUNCHERS = {
    "MPI": "sagemaker_mpi_enabled",
    "SMDataParallel": "sagemaker_distributed_dataparallel_enabled",
    "TorchDistributed": "sagemaker_torch_distributed_enabled",
    "PyTorchXLA": "sagemaker_pytorch_xla_multi_worker_enabled",
}


def generate(rng, launcher):
    hosts = HOSTS[: rng.randint(1, 3)]
    # Under MPI only the master has a command worth comparing: workers run sshd.
    current = rng.choice(hosts) if launcher in ("TorchDistributed", "PyTorchXLA") else hosts[0]
    gpus, neurons = rng.choice([(0, 0), (0, 0), (8, 0), (0, 2)])
    if launcher == "PyTorchXLA":
        gpus = rng.choice([1, 8])
    hyperparameters = {LAUNCHERS[launcher]: "true"}
    per_host = max(gpus or neurons, 1)
    if rng.random() < 0.5:
        per_host = rng.randint(1, 4)
        hyperparameters["sagemaker_mpi_num_of_processes_per_host"] = str(per_host)
    if launcher == "MPI" and rng.random() < 0.3:
        hyperparameters["sagemaker_mpi_num_processes"] = str(rng.randint(1, per_host * len(hosts)))
    if rng.random() < 0.6:
        name = "mpi" if launcher == "MPI" else "distributed_dataparallel"
        hyperparameters[f"sagemaker_{name}_custom_mpi_options"] = rng.choice(OPTIONS)
    variables = {}
    if launcher == "MPI" and rng.random() < 0.5:
        variables["SM_HP_MP_PARAMETERS"] = rng.choice(MODEL_PARALLEL)
        variables["SM_DLC_TORCH_VERSION"] = rng.choice(["1.13.1", "2.1.0"])
    if launcher == "TorchDistributed" and rng.random() < 0.3:
        variables["RUN_NEURON_PARALLEL_COMPILE"] = "1"
    return {
        "launcher": launcher,
        "gpus": gpus,
        "neurons": neurons,
        "smddprun": rng.random() < 0.5,
        "variables": variables,
        "arguments": rng.choice(ARGUMENTS),
        "hyperparameters": hyperparameters,
        # An instance type that is in none of the reference's tables: ours look at devices.
        "resource_config": {
            "current_host": current,
            "hosts": hosts,
            "network_interface_name": "lo",
            "current_instance_type": "ml.c5.xlarge",
        },
    }


@pytest.fixture(scope="module")
def tool(berth):
    path = os.path.join(os.path.dirname(berth), "berth_launch_tool")
    assert os.path.exists(path), f"{path} is missing: run `make build`"
    return path


@pytest.fixture(scope="module")
def image(tmp_path_factory):
    """What ours look for before they promise anything: programs and Python modules, all empty."""
    image = tmp_path_factory.mktemp("image")
    for name in ["torchrun", "neuron_parallel_compile", "ssh"]:
        (image / name).write_text("#!/bin/sh\n")
    (image / "mpirun").write_text("#!/bin/sh\necho 'mpirun (Open MPI) 4.1.4'\n")
    # Keys are not compared.
    (image / "ssh-keygen").write_text(
        '#!/bin/sh\n[ "$1" = -y ] && echo ssh-ed25519 AAAA && exit\nfor f; do :; done\n: > "$f"\n'
    )
    for path in image.iterdir():
        path.chmod(0o755)
    for module in ["mpi4py", "torch_xla/distributed/xla_spawn"]:
        (image / "modules" / module).mkdir(parents=True)
    return image


def ask_reference(python, cases, folder):
    lines = []
    for number, case in enumerate(cases):
        config = folder / str(number) / "input" / "config"
        config.mkdir(parents=True)
        (folder / str(number) / "code").mkdir()
        (folder / str(number) / "code" / "train.py").touch()
        (config / "hyperparameters.json").write_text(json.dumps(case["hyperparameters"]))
        (config / "resourceconfig.json").write_text(json.dumps(case["resource_config"]))
        (config / "inputdataconfig.json").write_text("{}")
        lines.append(json.dumps({**case, "base": str(folder / str(number))}))
    driver = os.path.join(os.path.dirname(__file__), "launch_driver.py")
    answers = subprocess.run(
        [python, driver], input="\n".join(lines), capture_output=True, text=True, check=True
    )
    # It logs to standard output as well.
    answers = [line for line in answers.stdout.splitlines() if line.startswith("{")]
    return [json.loads(line) for line in answers]


def ask_berth(tool, case, image, run):
    run.mkdir(mode=0o700)
    variables = {"PATH": f"{image}:/usr/bin:/bin", "PYTHONPATH": f"{image}/modules", **case["variables"]}
    request = {
        **case,
        "smddpmprun": case["smddprun"],
        "variables": variables,
        "command": ["/usr/bin/python3", "train.py", *case["arguments"]],
        "python": "/usr/bin/python3",
        "berth": "/opt/berth",
        "run_directory": str(run),
        "host_name": "ip-10-0-0-1",
    }
    per_host = case["hyperparameters"].get("sagemaker_mpi_num_of_processes_per_host")
    slots = int(per_host or case["gpus"] or case["neurons"] or 1)
    facts = {
        host: {"slots": slots, "ssh_port": 22, "ssh_host_key": "ssh-ed25519 AAAA"}
        for host in case["resource_config"]["hosts"]
        if host != case["resource_config"]["current_host"]
    }
    answers = subprocess.run(
        [tool],
        input=f"{json.dumps(request)}\n{json.dumps(facts)}\n",
        capture_output=True,
        text=True,
        check=True,
        timeout=120,
    )
    plan = json.loads(answers.stdout.splitlines()[-1])
    assert "error" not in plan, (plan, case)
    return plan


class Mpirun:
    """mpirun's command line, taken apart: of what comes twice the last counts."""

    def __init__(self, words):
        assert words[0] == "mpirun"
        self.mca, self.variables, self.options = {}, {}, {}
        i = 1
        while words[i].startswith("-"):
            name = words[i].lstrip("-")
            if name == "mca":
                self.mca[words[i + 1]] = words[i + 2]
                i += 3
            elif name == "x":
                variable, equals, value = words[i + 1].partition("=")
                self.variables[variable] = value if equals else None
                i += 2
            elif name in ("host", "np", "bind-to", "map-by"):
                self.options[name] = words[i + 1]
                i += 2
            else:
                self.options[name] = True
                i += 1
        self.program = words[i:]


def slots(case, text):
    """`algo-1` has the one slot of `algo-1:1`. SMDDP may have more ranks than slots in any case."""
    if case["launcher"] == "SMDataParallel":
        return [host.partition(":")[0] for host in text.split(",")]
    return [host if ":" in host else f"{host}:1" for host in text.split(",")]


def mpi_problems(case, plan, reference):
    ours, theirs = Mpirun(plan["command"]), Mpirun(reference["command"])
    assert ours.program == ["/opt/berth", "rank"]
    # Our own: ssh's configuration. Theirs: the output's form, which is RankHost's here.
    ours.mca.pop("plm_rsh_agent", None)
    for name in ("tag-output", "display-map"):
        theirs.options.pop(name, None)
    if len(case["resource_config"]["hosts"]) == 1:
        theirs.mca.pop("oob_tcp_if_include")  # there is nobody to reach
    for options in (ours.options, theirs.options):
        options["host"] = slots(case, options["host"])
    if ours.mca != theirs.mca:
        yield f"MCA parameters: {ours.mca} and {theirs.mca}"
    if ours.options != theirs.options:
        yield f"options: {ours.options} and {theirs.options}"

    got = plan["ranks"]["variables"] | {n: v for n, v in ours.variables.items() if v is not None}
    expected = {name: value for name, value in theirs.variables.items() if value is not None}
    assert expected.pop("LD_PRELOAD").endswith(".so") and got["LD_PRELOAD"].endswith(".so")
    if case["launcher"] == "SMDataParallel":
        assert expected.pop("FI_PROVIDER") == "efa"  # probed, and here is none
    for name, value in expected.items():
        if got.get(name) != value:
            yield f"variable {name}: {got.get(name)!r} and {value!r}"
    # What the reference passes on by name alone, ranks get from their host's berth.
    passed = {name for name, value in theirs.variables.items() if value is None}
    assert all(n.startswith(("SM_", "SAGEMAKER_")) or n in ("PATH", "LD_LIBRARY_PATH", "CURRENT_HOST") for n in passed), passed

    program = list(theirs.program)
    while program[0] == "-x":  # model parallel's come behind the exported ones
        program = program[2:]
    yield from program_problems(plan["ranks"]["command"], program)


def program_problems(ours, theirs):
    words = [("python" if w.rpartition("/")[2].startswith("python") else w) for w in theirs]
    if "--" in words:
        words.remove("--")  # docs/deviations.md: the command of a Python script
    got = [("python" if w == "/usr/bin/python3" else w) for w in ours]
    if got != words:
        yield f"program: {got} and {words}"


def torchrun_problems(case, plan, reference):
    ours, theirs = plan["command"], reference["command"]
    at = theirs.index("train.py")
    if ours != [*theirs[:at], "--no_python", "/opt/berth", "rank"]:
        yield f"command: {ours} and {theirs}"
    yield from program_problems(plan["ranks"]["command"], ["python", *theirs[at:]])
    yield from variable_problems(plan, reference)


def xla_problems(case, plan, reference):
    yield from program_problems(plan["command"], reference["command"])
    # Only where the device is known to have it: a 1 on another ends the job.
    assert reference["variables"].pop("FI_EFA_USE_DEVICE_RDMA") == "1"
    yield from variable_problems(plan, reference)


def variable_problems(plan, reference):
    for name, value in reference["variables"].items():
        if plan["variables"].get(name) != value:
            yield f"variable {name}: {plan['variables'].get(name)!r} and {value!r}"


PROBLEMS = {
    "MPI": mpi_problems,
    "SMDataParallel": mpi_problems,
    "TorchDistributed": torchrun_problems,
    "PyTorchXLA": xla_problems,
}


@pytest.mark.parametrize("launcher", LAUNCHERS)
def test_launchers_start_what_the_reference_starts(
    launcher, sagemaker_training, tool, image, tmp_path, seed, count
):
    rng = random.Random(f"{seed} {launcher}")
    cases = [generate(rng, launcher) for _ in range(max(20, count // 50))]
    references = ask_reference(sagemaker_training[0], cases, tmp_path)
    assert len(references) == len(cases)
    found = []
    for number, (case, reference) in enumerate(zip(cases, references)):
        assert "refused" not in reference, (reference, case)
        plan = ask_berth(tool, case, image, tmp_path / f"run-{number}")
        problems = list(PROBLEMS[launcher](case, plan, reference))
        if problems:
            found.append("\n  ".join([json.dumps(case), *problems]))
    assert not found, f"seed {seed}: {len(found)} of {len(cases)} differ\n" + "\n".join(found[:5])
