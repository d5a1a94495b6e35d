"""berth_launch_tool, one host's launcher at a time, with the real engines of scripts/bootstrap."""

import json
import os
import pathlib
import subprocess

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
BUILD = ROOT / "build"
BERTH = pathlib.Path(os.environ.get("BERTH", BUILD / "bin" / "berth"))

# In place of `berth rank`: the program comes from a file, not from a host's berth.
RANK = """#!/usr/bin/python3
import json, os, sys
program = json.load(open(os.path.dirname(sys.argv[0]) + "/program.json"))
assert sys.argv[1:] == ["rank"] and os.environ["BERTH_RANK_SOCKET"]
launcher = ("OMPI_", "PMIX_", "PMI_", "PRTE_", "MPI_", "HYDRA_", "HYDI_")
if program["overlay"]:
    for name, value in program["variables"].items():
        if name not in program["kept"] and not name.startswith(launcher):
            os.environ[name] = value
os.chdir(program["directory"])
os.execvp(program["command"][0], program["command"])
"""


class Host:
    """The launcher of one host. `plan` is its plan once make_plan() was called."""

    def __init__(self, folder, hyperparameters, hosts, current, variables, command, python):
        self.folder = folder
        (folder / "run").mkdir(parents=True, mode=0o700)
        (folder / "berth").write_text(RANK)
        (folder / "berth").chmod(0o755)
        self.variables = {"HOME": str(folder), "SM_CURRENT_HOST": current, **variables}
        tool = BERTH.parent / "berth_launch_tool"
        assert tool.exists(), f"{tool} is missing: run `make build`"
        self.tool = subprocess.Popen([tool], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        answer = self.ask(
            hyperparameters={name: json.dumps(value) for name, value in hyperparameters.items()},
            resource_config={"current_host": current, "hosts": hosts, "network_interface_name": "lo"},
            variables=self.variables,
            command=command,
            directory=str(folder),
            python=python,
            berth=str(folder / "berth"),
            run_directory=str(folder / "run"),
            host_name="another-name",
        )
        assert "error" not in answer, answer
        self.facts = answer["facts"]

    def ask(self, **question):
        print(json.dumps(question), file=self.tool.stdin, flush=True)
        return json.loads(self.tool.stdout.readline())

    def make_plan(self, **facts):
        self.plan = self.ask(**facts)
        assert "error" not in self.plan, self.plan
        if "ranks" in self.plan:
            ranks = self.plan["ranks"]
            ranks["variables"] = self.variables | ranks["variables"]
            (self.folder / "program.json").write_text(json.dumps(ranks))
        return self.plan

    def start(self, **options):
        return subprocess.Popen(
            self.plan["command"],
            env=self.variables | self.plan["variables"],
            cwd=self.plan["directory"] or None,
            start_new_session=True,
            text=True,
            **options,
        )

    def end(self):
        self.tool.stdin.close()
        self.tool.wait()
