"""Runs in a reference package's own interpreter and says what it makes of many configurations.

    python reference_driver.py sagemaker_training|sagemaker_containers < cases > results

One JSON line per case: {"base": folder, "variables": {…}, "cpus": n, "gpus": n, "neurons": n}. One
JSON line per answer: {"variables", "arguments", "command", "refused"}; `refused` says with which
exception the reference would have ended, and only where it would.
"""

import collections
import collections.abc
import importlib
import json
import os
import shutil
import sys


def load(package):
    if package == "sagemaker_training":
        from sagemaker_training import _entry_point_type, environment, process

        return environment, environment.Environment, _entry_point_type, process
    # Written for older Pythons, where this was its name.
    collections.Mapping = collections.abc.Mapping
    from sagemaker_containers import _entry_point_type, _env, _process

    return _env, _env.TrainingEnv, _entry_point_type, _process


ILLEGAL_NAME = "ValueError: illegal environment variable name"


class Driver:
    def __init__(self, package):
        self.package = package
        # What is imported makes folders: here.
        self.module, _, self.types, self.process = load(package)
        self.kept = dict(os.environ)

    def environment(self, case):
        os.environ.clear()
        os.environ.update(self.kept)
        os.environ.update(case["variables"], SAGEMAKER_BASE_DIR=case["base"])
        # The folders are constants of the module.
        importlib.reload(self.module)
        self.module.num_cpus = lambda: case["cpus"]
        self.module.num_gpus = lambda: case["gpus"]
        self.module.num_neurons = lambda *_: case["neurons"]
        self.module.validate_smddprun = lambda: shutil.which("smddprun") is not None
        self.module.validate_smddpmprun = lambda: shutil.which("smddpmprun") is not None
        name = "Environment" if self.package == "sagemaker_training" else "TrainingEnv"
        return getattr(self.module, name)()

    def export(self, variables):
        """As write_env_vars(), but goes on behind a name that no process can have.

        Of several refusals the one that names no variable's name is told: the other is a deviation.
        """
        refused = None
        for name, value in variables.items():
            try:
                os.environ[name] = value
            except (ValueError, UnicodeError, TypeError) as error:
                if refused in (None, ILLEGAL_NAME):
                    refused = f"{type(error).__name__}: {error}"
        names = [*variables, "CURRENT_HOST", "SAGEMAKER_JOB_NAME", "SAGEMAKER_REGION"]
        # Through bytes and back: as a script sees them.
        names = {os.fsdecode(os.fsencode(n)) for n in names if encodable(n)}
        return {n: os.environ[n] for n in names if n in os.environ}, refused

    def command(self, environment, arguments):
        """The argv, less the interpreter's path; None where the reference refuses the name."""
        try:
            runner = self.process.ProcessRunner(
                environment.user_entry_point, arguments, {}, *self.processes()
            )
            return [str(word) for word in runner._create_command()]
        except Exception as error:  # noqa: BLE001 - whatever it is, it is the answer
            return f"{type(error).__name__}: {error}"

    def processes(self):
        return (1,) if self.package == "sagemaker_training" else ()

    def answer(self, case):
        try:
            environment = self.environment(case)
            variables = environment.to_env_vars()
            arguments = environment.to_cmd_args()
        except Exception as error:  # noqa: BLE001
            return {"refused": f"{type(error).__name__}: {error}"}
        exported, refused = self.export(variables)
        try:
            seen = [os.fsdecode(os.fsencode(word)) for word in arguments]
        except UnicodeError as error:
            return {"refused": f"{type(error).__name__}: {error}"}
        if any("\0" in word for word in seen):
            if refused in (None, ILLEGAL_NAME):
                refused = "ValueError: embedded null byte"
        command = self.command(environment, seen)
        return {
            "variables": exported,
            "arguments": seen,
            "command": command,
            "refused": refused,
        }


def encodable(name):
    try:
        os.fsencode(name)
    except UnicodeError:
        return False
    return True


def main():
    driver = Driver(sys.argv[1])
    for line in sys.stdin:
        print(json.dumps(driver.answer(json.loads(line))), flush=True)


main()
