"""Runs in sagemaker-training's own interpreter and says which commands its launchers would start.

    python launch_driver.py < cases > results

One JSON line per case: {"base": folder, "launcher", "gpus", "neurons", "variables", "arguments"}. One
per answer: {"command", "variables"} (those that the launcher sets in its own process), or {"refused"}.
"""

import importlib
import json
import os
import sys

from sagemaker_training import environment, pytorch_xla, runner

KEPT = dict(os.environ)


def answer(case):
    os.environ.clear()
    os.environ.update(KEPT)
    os.environ.update(case["variables"], SAGEMAKER_BASE_DIR=case["base"])
    importlib.reload(environment)  # the folders are constants of the module
    environment.num_gpus = lambda: case["gpus"]
    environment.num_neurons = lambda *_: case["neurons"]
    environment.validate_smddprun = lambda: case["smddprun"]
    environment.validate_smddpmprun = lambda: case["smddprun"]
    pytorch_xla.PyTorchXLARunner._check_compatibility = lambda self: None
    try:
        env = environment.Environment()
        before = dict(os.environ)  # an Environment sets some itself
        variables = {name: str(value) for name, value in env.to_env_vars().items()}
        run = runner.get(
            runner.RunnerType[case["launcher"]], "train.py", case["arguments"], variables, None
        )
        if case["launcher"] == "PyTorchXLA":
            run._setup()
        command = run._create_command()
        if case["launcher"] == "SMDataParallel":
            command += super(type(run), run)._create_command()
    except Exception as error:  # noqa: BLE001 - whatever it is, it is the answer
        return {"refused": f"{type(error).__name__}: {error}"}
    changed = {name: value for name, value in os.environ.items() if before.get(name) != value}
    return {"command": [str(word) for word in command], "variables": changed}


for line in sys.stdin:
    print(json.dumps(answer(json.loads(line))), flush=True)
