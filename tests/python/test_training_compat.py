"""sagemaker_training and sagemaker_containers on berth: what user code and framework containers do
with them, in a Python of its own."""

import json
import os
import pathlib
import signal
import subprocess
import sys
import tarfile
import textwrap

import pytest

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
BERTH = os.environ.get("BERTH", str(ROOT / "build" / "bin" / "berth"))

# The same modules by the names of either package.
TRAINING = textwrap.dedent(
    """
    from sagemaker_training import (
        entry_point, environment as env, errors, files, mapping, modules, mpi, params, process,
        runner)
    environment = env.Environment
    RUNNER = "runner_type"
    """
)
CONTAINERS = textwrap.dedent(
    """
    import sagemaker_containers
    from sagemaker_containers.beta.framework import (
        entry_point, env, errors, files, mapping, modules, mpi, params, process, runner)
    environment = sagemaker_containers.training_env
    RUNNER = "runner"
    """
)
BOTH = pytest.mark.parametrize("package", [TRAINING, CONTAINERS], ids=["training", "containers"])


class Container:
    def __init__(self, base):
        self.base = base
        self.config = base / "input" / "config"
        for folder in (self.config, base / "code", base / "model", base / "output"):
            folder.mkdir(parents=True)
        job = {"sagemaker_program": "train.py", "lr": "0.1", "name": "é b"}
        self.write("hyperparameters", job)
        self.write("inputdataconfig", {"train": {"TrainingInputMode": "File"}})
        self.write("resourceconfig", {"current_host": "algo-1", "hosts": ["algo-1"]})

    def write(self, name, value):
        (self.config / f"{name}.json").write_text(json.dumps(value))

    def code(self, name, text):
        (self.base / "code" / name).write_text(textwrap.dedent(text))

    def output(self, name):
        path = self.base / "output" / name
        return path.read_text() if path.exists() else None

    def variables(self, **more):
        kept = {
            name: value
            for name, value in os.environ.items()
            if not name.startswith(("SM_", "SAGEMAKER_", "BERTH_", "AWS_", "TRAINING_"))
        }
        path = [ROOT / "build" / "python", ROOT / "python" / "compat"]
        return {
            **kept,
            "SAGEMAKER_BASE_DIR": str(self.base),
            "PYTHONPATH": os.pathsep.join(map(str, path)),
            "BERTH_BINARY": BERTH,
            **more,
        }

    def start(self, text, *options, **variables):
        return subprocess.Popen(
            [sys.executable, *options, "-c", text],
            env=self.variables(**variables),
            cwd=self.base,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def python(self, text, *options, code=0, **variables):
        """What Python prints for this text; it must end with that exit code."""
        with self.start(text, *options, **variables) as process:
            out, err = process.communicate(timeout=120)
        assert process.returncode == code, err
        return out


@pytest.fixture
def container(tmp_path):
    return Container(tmp_path / "ml")


RUN = "print(entry_point.run({uri!r}, {name!r}, {arguments!r}, {{'A': 'b'}}{more}).returncode)\n"


def run(package, uri, name="train.py", arguments=(), more=""):
    return package + RUN.format(uri=str(uri), name=name, arguments=list(arguments), more=more)


@BOTH
def test_importing_is_cheap(container, package):
    out = container.python(
        package + "import sys\nprint([m for m in ('numpy', 'subprocess', 'asyncio', 'boto3', 'six',"
        " 'berth._core', 'multiprocessing') if m in sys.modules])\n"
    )
    assert out == "[]\n"


@BOTH
def test_the_environment_is_that_of_berth(container, package):
    told = subprocess.run(
        [BERTH, "env", "--format", "json"],
        env=container.variables(),
        capture_output=True,
        check=True,
        timeout=60,
    )
    berth = json.loads(told.stdout)
    variables = {n: v for n, v in berth["variables"].items() if n.startswith("SM_NUM_")}
    ours = json.loads(
        container.python(
            package + "import json\ne = environment()\n"
            "print(json.dumps([e.to_env_vars(), e.to_cmd_args(), e['hosts'], dict(e)]))\n",
            **variables,
        )
    )
    exported, arguments, hosts, properties = ours
    assert arguments == berth["arguments"] == ["--lr", "0.1", "--name", "é b"]
    assert hosts == ["algo-1"]
    everything = json.loads(exported.pop("SM_TRAINING_ENV"))
    assert everything == properties
    assert everything.items() <= json.loads(berth["variables"]["SM_TRAINING_ENV"]).items()
    assert exported.items() <= berth["variables"].items()
    assert len(exported) >= 25


@BOTH
def test_values_given_go_before_the_files(container, package):
    # Text that looks like JSON stays text: it was decoded before.
    out = container.python(
        package + "new = env.TrainingEnv if hasattr(env, 'TrainingEnv') else env.Environment\n"
        "e = new({'current_host': 'b', 'hosts': ['a', 'b']}, {'c': {}}, {'x': '1', 'y': 2})\n"
        "print(e.hyperparameters, e.hosts, e.is_master, sorted(e.channel_input_dirs))\n"
    )
    assert out == "{'x': '1', 'y': 2} ['a', 'b'] False ['c']\n"


def test_outside_of_a_container_a_folder_is_made(container, tmp_path):
    if os.path.exists("/opt/ml"):
        pytest.skip("/opt/ml exists here")
    variables = container.variables(HOME=str(tmp_path))
    del variables["SAGEMAKER_BASE_DIR"]
    out = subprocess.run(
        [sys.executable, "-c", TRAINING + "print(env.base_dir, environment().hyperparameters)\n"],
        env=variables, cwd=tmp_path, capture_output=True, text=True, check=True, timeout=60,
    ).stdout  # fmt: skip
    base, _, hyperparameters = out.partition(" ")
    assert hyperparameters == "{}\n"
    assert base.startswith(f"{tmp_path}/sagemaker_local/jobs/")


@BOTH
def test_a_script_of_a_directory_runs(container, package, tmp_path):
    source = tmp_path / "source"
    source.mkdir()
    (source / "train.py").write_text("import os, sys\nprint(sys.argv[1:], os.environ['A'])\n")
    out = container.python(run(package, source, arguments=["--x", "a b;$c", "é"]))
    assert out == "['--x', 'a b;$c', 'é'] b\n0\n"


@BOTH
def test_a_program_of_an_archive_runs(container, package, tmp_path):
    program = tmp_path / "run.sh"
    program.write_text('#!/bin/sh\necho "$1" "$A"\n')
    with tarfile.open(tmp_path / "code.tar.gz", "w:gz") as tar:
        tar.add(program, "run.sh")
    out = container.python(run(package, tmp_path / "code.tar.gz", "run.sh", ["x  y"]))
    assert out == "x  y b\n0\n"


@BOTH
def test_without_wait_the_process_is_returned_at_once(container, package):
    container.code("train.py", "import sys\nsys.stdin.read()\nsys.exit(4)\n")
    read, write = os.pipe()
    text = package + (
        "p = entry_point.run(env.code_dir, 'train.py', [], wait=False)\n"
        "print(p.poll(), flush=True)\nprint(p.wait())\n"
    )
    with subprocess.Popen(
        [sys.executable, "-c", text],
        env=container.variables(), cwd=container.base, stdin=read,
        stdout=subprocess.PIPE, text=True,
    ) as process:  # fmt: skip
        os.close(read)
        assert process.stdout.readline() == "None\n"
        os.close(write)
        assert process.communicate(timeout=60)[0] == "4\n"


FAILS = "import sys\nprint('before', file=sys.stderr)\nraise ValueError('bad é')\n"
CATCH = """
try:
    entry_point.run(env.code_dir, 'train.py', ['--x', '1'], capture_error={capture})
except errors.ClientError as e:
    print(type(e).__name__, e.return_code, str(e), sep='\\n')
"""


def test_a_failed_script_is_an_error_with_its_words(container):
    container.code("train.py", FAILS)
    out = container.python(TRAINING + CATCH.format(capture=True))
    assert out == (
        "ExecuteUserScriptError\n1\nExecuteUserScriptError:\nExitCode 1\n"
        'ErrorMessage "ValueError: bad é\nTraceback (most recent call last):\n'
        f'  File "{container.base}/code/train.py", line 3, in <module>\n'
        "    raise ValueError('bad é')\"\n"
        f'Command "{sys.executable} train.py --x 1"\n'
    )
    out = container.python(TRAINING + CATCH.format(capture=False))
    assert out == (
        'ExecuteUserScriptError\n1\nExecuteUserScriptError:\nExitCode 1\nErrorMessage ""\n'
        f'Command "{sys.executable} train.py --x 1"\n'
    )


def test_a_failed_script_is_an_error_with_its_stderr(container):
    container.code("train.py", "import sys\nsys.stderr.write('one\\ntwo\\n')\nsys.exit(9)\n")
    out = container.python(CONTAINERS + CATCH.format(capture=True))
    assert out == (
        "ExecuteUserScriptError\n9\nExecuteUserScriptError:\n"
        f'Command "{sys.executable} train.py --x 1"\none\ntwo\n'
    )
    out = container.python(CONTAINERS + CATCH.format(capture=False))
    assert out.endswith(f'Command "{sys.executable} train.py --x 1"\n')


def test_the_error_is_called_as_the_library_calls_it(container):
    library = container.base / "lib" / "smdebug"
    library.mkdir(parents=True)
    (library / "__init__.py").write_text("")
    (library / "exceptions.py").write_text("class NoMoreData(Exception): pass\n")
    container.code("train.py", "from smdebug.exceptions import NoMoreData\nraise NoMoreData('x')\n")
    text = "import sys\nsys.path.insert(0, 'lib')\n" + TRAINING + CATCH.format(capture=True)
    out = container.python(text).splitlines()
    assert out[:4] == ["NoMoreData", "1", "NoMoreData:", "ExitCode 1"]


def test_memory_that_ran_out_is_said(container):
    # As a shell tells of its child's end, which it does for mpirun, too.
    container.code("train.py", "import sys\nsys.exit(137)\n")
    out = container.python(TRAINING + CATCH.format(capture=False))
    assert 'ExitCode 137\nErrorMessage ""\nExtraInfo "OutOfMemory: ' in out


def test_a_script_that_is_killed_is_not_said_to_be_out_of_memory(container):
    container.code("train.py", "import os, signal\nos.kill(os.getpid(), signal.SIGKILL)\n")
    out = container.python(TRAINING + CATCH.format(capture=True))
    assert 'ExitCode 137\nErrorMessage "the script was killed by signal 9 (Killed)"' in out
    assert "OutOfMemory" not in out


@BOTH
@pytest.mark.parametrize(
    "uri, words",
    [
        ("/no/such", 'cannot fetch the code from "/no/such": '),
        ("ftp://x/y", 'cannot fetch the code from "ftp://x/y": '),
    ],
)
def test_code_that_cannot_be_had_is_a_client_error(container, package, uri, words):
    out = container.python(
        package + f"try:\n    entry_point.run({uri!r}, 'train.py', [])\n"
        "except errors.ClientError as e:\n    print(e)\n"
    )
    assert out.startswith(words)


def test_a_name_that_cannot_be_an_entry_point_is_a_client_error(container):
    container.code("train.py", "")
    for name, words in {
        "": "The training entry point name is empty.",
        "-c": "a leading '-', which is read as a command-line option",
        "../x.py": "'.' or '..' path segments",
        "a;b": "the character(s) ';'",
    }.items():
        out = container.python(
            TRAINING + f"try:\n    entry_point.run(env.code_dir, {name!r}, [])\n"
            "except errors.ClientError as e:\n    print(e)\n"
        )
        assert words in out, name


# A Python whose pip only notes how it is called.
PYTHON = """\
#!/bin/sh
if [ "$2" = pip ]; then echo "$PWD $*" >> {notes}; exit {code}; fi
exec {python} "$@"
"""


@pytest.fixture
def fake_pip(tmp_path):
    """fake_pip(code) -> a statement that makes pip one that ends so; and where it notes calls."""

    def fake(code=0):
        python, notes = tmp_path / "python", tmp_path / "notes"
        python.write_text(PYTHON.format(notes=notes, code=code, python=sys.executable))
        python.chmod(0o755)
        return f"import sys\nsys.executable = {str(python)!r}\n", notes

    return fake


@BOTH
def test_a_package_is_installed_then_run_as_a_module(container, package, fake_pip):
    setting, notes = fake_pip()
    container.code("setup.py", "")
    container.code("mine.py", "import sys\nprint('ran', sys.argv[1:])\n")
    container.code("requirements.txt", "x\n")
    out = container.python(setting + run(package, "unused", "mine.py", ["--a", "1"]))
    assert out == "ran ['--a', '1']\n0\n"
    code = container.base / "code"
    assert notes.read_text() == f"{code} -m pip install . -r requirements.txt\n"


def test_the_requirements_of_a_script_are_installed(container, fake_pip):
    setting, notes = fake_pip(3)
    container.code("train.py", "")
    container.code("requirements.txt", "x\n")
    out = container.python(setting + TRAINING + CATCH.format(capture=True))
    assert out.splitlines()[:2] == ["InstallRequirementsError", "3"]
    assert notes.read_text().endswith(" -m pip install -r requirements.txt\n")


def test_containers_leave_the_requirements_of_a_script_alone(container, fake_pip):
    setting, notes = fake_pip(3)
    container.code("train.py", "")
    container.code("requirements.txt", "x\n")
    assert container.python(setting + run(CONTAINERS, "unused")) == "0\n"
    assert not notes.exists()


@BOTH
def test_a_module_is_fetched_installed_and_imported(container, package, fake_pip, tmp_path):
    setting, notes = fake_pip()
    source = tmp_path / "source"
    source.mkdir()
    (source / "mine.py").write_text("NAME = 'mine'\n")
    out = container.python(
        setting + package + "sys.path.insert(0, env.code_dir)\n"
        f"print(modules.import_module({str(source)!r}, 'mine').NAME)\n"
    )
    assert out == "mine\n"
    assert notes.read_text() == f"{container.base}/code -m pip install .\n"
    assert 'name="mine"' in (container.base / "code" / "setup.py").read_text()


@BOTH
def test_a_module_that_fails_to_import_is_an_error_of_its_own(container, package, fake_pip):
    setting, _ = fake_pip()
    container.code("mine.py", "raise RuntimeError('not today')\n")
    out = container.python(
        setting + package + "sys.path.insert(0, env.code_dir)\n"
        "try:\n    modules.import_module('unused', 'mine')\n"
        "except errors.ImportModuleError as e:\n    print(e, isinstance(e, errors.ClientError))\n"
    )
    assert out == "not today True\n"


def test_modules_of_containers(container, fake_pip, tmp_path):
    setting, notes = fake_pip()
    source = tmp_path / "source"
    source.mkdir()
    (source / "mine.py").write_text("import os, sys\nprint(sys.argv[1:], os.environ['A'])\n")
    # Not again what can be imported already.
    out = container.python(
        setting + CONTAINERS + f"modules.download_and_install({str(source)!r}, 'json')\n"
        f"modules.download_and_install({str(source)!r}, 'mine')\n"
        f"modules.run_module({str(source)!r}, ['x'], {{'A': 'b'}}, 'mine')\n"
        "p = modules.run('mine', ['y'], wait=False)\nprint(p.wait())\n"
    )
    assert out == "['x'] b\n['y'] b\n0\n"
    installed = notes.read_text().splitlines()
    assert len(installed) == 2
    assert installed[0].endswith("/module_dir -m pip install .")
    assert installed[1] == f"{container.base}/code -m pip install ."


@BOTH
def test_a_runner_of_ones_own_runs_its_own_command(container, package):
    container.code("train.py", "")
    constructor = "'train.py', [], {}, 1" if package is TRAINING else "'train.py', [], {}"
    out = container.python(
        package + "class Mine(process.ProcessRunner):\n"
        "    def _setup(self):\n        print('set up', flush=True)\n"
        "    def _create_command(self):\n        return ['echo', 'my own']\n"
        f"entry_point.run(env.code_dir, 'train.py', [], **{{RUNNER: Mine({constructor})}})\n"
    )
    assert out == "set up\nmy own\n"


@BOTH
def test_a_command_is_checked(container, package):
    if package is TRAINING:
        check = "process.check_error(['sh', '-c', 'exit 6'], errors.ExecuteUserScriptError, 1)"
    else:
        check = "process.check_error(['sh', '-c', 'exit 6'], errors.ExecuteUserScriptError)"
    out = container.python(
        package + f"try:\n    {check}\nexcept errors.ExecuteUserScriptError as e:\n"
        "    print(e.return_code, e.cmd)\n"
    )
    assert out == "6 sh -c 'exit 6'\n"


CREATE = """
import os, sys
def create(*words, **options):
    more = (1,) if "sagemaker_training" in sys.modules else ()
    return process.create(words[0] if len(words) == 1 else list(words), errors.ExecuteUserScriptError, *more, **options)
"""


@BOTH
@pytest.mark.parametrize(
    "call, words",
    [
        ("create('no-such-program', '-x')", "No such file or directory: 'no-such-program'"),
        ("create('./no-such-program')", "No such file or directory: './no-such-program'"),
        ("create('true', cwd='/no/such')", "No such file or directory: '/no/such'"),
        ("create([])", "the command is empty"),
    ],
)
def test_a_command_that_cannot_start_is_an_error_at_once(container, package, call, words):
    out = container.python(
        package + CREATE + f"try:\n    {call}\n"
        "except errors.ExecuteUserScriptError as e:\n    print(e.cmd)\n"
    )
    assert words in out


def test_options_of_popen_are_the_commands_own(container):
    out = container.python(
        CONTAINERS + CREATE + "print(create('echo a && echo b', shell=True).wait(), flush=True)\n"
        "r, w = os.pipe()\n"
        "child = create('sh', '-c', 'echo passed >&%d' % w, pass_fds=(w,))\n"
        "print(child.wait(), os.read(r, 99), child.args[:2], flush=True)\n"
        "print(create('zero', '-c', 'exit 3', executable='/bin/sh').wait())\n"
    )
    assert out == "a\nb\n0\n0 b'passed\\n' ['sh', '-c']\n3\n"


def test_stderr_that_is_read_is_the_commands_own(container):
    container.code("train.py", "import sys\nsys.exit('err')\n")
    out = container.python(
        CONTAINERS + CREATE + "p = create('sh', '-c', 'echo err >&2; exit 4', capture_error=True)\n"
        "print(p.communicate(), p.returncode)\n"
        "p = entry_point.run(env.code_dir, 'train.py', [], wait=False, capture_error=True)\n"
        "print(p.communicate(), p.returncode)\n"
    )
    assert out == "(None, b'err\\n') 4\n(None, b'err\\n') 1\n"


@BOTH
def test_launchers_get_what_the_caller_asks_for(container, package, tmp_path):
    if package is CONTAINERS:
        kind, launcher, option = "MPIRunnerType", "mpirun", "-np 3"
    else:
        kind, launcher, option = "TorchDistributedRunnerType", "torchrun", "--nproc_per_node 3"
    programs = tmp_path / "bin"
    programs.mkdir()
    script = programs / launcher
    script.write_text(
        "#!/bin/sh\n"
        'case "$*" in *--version*) echo "mpirun (Open MPI) 4.1.4"; exit 0;; esac\n'
        f'echo "$*" >> {tmp_path}/called\n'
    )
    script.chmod(0o755)
    container.code("train.py", "")
    container.python(
        package + "options = {'sagemaker_mpi_num_of_processes_per_host': 3}\n"
        "entry_point.run(env.code_dir, 'train.py', [], extra_opts=options,"
        f" **{{RUNNER: runner.{kind}}})\n",
        PATH=f"{programs}:{os.environ['PATH']}",
    )
    assert option in (tmp_path / "called").read_text()


@BOTH
def test_a_runner_that_is_none_is_refused(container, package):
    out = container.python(
        package + "try:\n    runner.get('MPI')\nexcept ValueError as e:\n    print(e)\n"
    )
    assert out == "Invalid identifier MPI\n"


COUNTS_SIGNALS = """
import signal, sys
awaited = {signal.SIGTERM}
signal.pthread_sigmask(signal.SIG_BLOCK, awaited)
print('up', flush=True)
signal.sigwait(awaited)
print('saved', 1 if signal.sigtimedwait(awaited, 0.3) is None else 2, flush=True)
sys.exit(0)
"""


@BOTH
@pytest.mark.parametrize("everybody", [False, True], ids=["python", "its group"])
def test_a_request_to_end_reaches_the_script_once(container, package, everybody):
    container.code("train.py", COUNTS_SIGNALS)
    with subprocess.Popen(
        [sys.executable, "-c", run(package, container.base / "code")],
        env=container.variables(), cwd=container.base, stdout=subprocess.PIPE, text=True,
        start_new_session=True,
    ) as process:  # fmt: skip
        assert process.stdout.readline() == "up\n"
        (os.killpg if everybody else os.kill)(process.pid, signal.SIGTERM)
        assert process.communicate(timeout=60)[0] == "saved 1\n0\n"
        assert process.returncode == 0


@BOTH
def test_a_script_ends_with_the_python_that_waits_for_it(container, package):
    container.code("train.py", COUNTS_SIGNALS)
    with subprocess.Popen(
        [sys.executable, "-c", run(package, container.base / "code")],
        env=container.variables(), cwd=container.base, stdout=subprocess.PIPE, text=True,
    ) as process:  # fmt: skip
        assert process.stdout.readline() == "up\n"
        process.kill()
        # To the end of file: nobody has it open any more.
        assert process.stdout.read() == "saved 1\n"


# A signal that comes when berth has done its part, but Python has not seen that yet.
LATE = """
import os, signal
from berth_compat import native
popen = native._popen
def ended(members, *rest, **options):
    process = popen(members, *rest, **options)
    if members.get("only") == "fetch":
        os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)
        os.kill(os.getpid(), signal.SIGTERM)
    return process
native._popen = ended
"""


@BOTH
def test_a_signal_between_two_steps_is_not_lost(container, package, tmp_path):
    source = tmp_path / "source"
    source.mkdir()
    (source / "train.py").write_text("print('run')\n")
    with container.start(LATE + run(package, source)) as process:
        out, _ = process.communicate(timeout=60)
    assert (process.returncode, out) == (-signal.SIGTERM, "")


# A process that another thread forks has the pipe of the result, too.
FORKED = """
import os, time
from berth_compat import native
popen = native._popen
def forking(*members, **options):
    child = os.fork()
    if child == 0:
        time.sleep(60)
        os._exit(0)
    children.append(child)
    return popen(*members, **options)
children = []
native._popen = forking
"""


@BOTH
def test_a_process_that_was_forked_meanwhile_is_not_waited_for(container, package):
    container.code("train.py", "print('run')\n")
    end = "print(os.waitpid(children[-1], os.WNOHANG))\nfor child in children: os.kill(child, 9)\n"
    out = container.python(FORKED + run(package, container.base / "code") + end)
    assert out == "run\n0\n(0, 0)\n"


@BOTH
def test_an_interruption_is_one_here_when_the_script_has_ended(container, package):
    container.code("train.py", COUNTS_SIGNALS.replace("SIGTERM", "SIGINT"))
    text = package + (
        "try:\n    entry_point.run(env.code_dir, 'train.py', [])\n"
        "except KeyboardInterrupt:\n    print('interrupted')\n"
    )
    with container.start(text) as process:
        assert process.stdout.readline() == "up\n"
        process.send_signal(signal.SIGINT)
        assert process.communicate(timeout=60)[0] == "saved 1\ninterrupted\n"


def test_the_program_train(container):
    container.code("train.py", "print('trained')\n")
    out = container.python("from sagemaker_training.cli import train\ntrain.main()\n")
    assert out == "trained\n"
    assert container.output("success") == ""


@pytest.mark.parametrize("package", ["sagemaker_training", "sagemaker_containers"])
@pytest.mark.parametrize(
    "raised, code, failure",
    [
        ("OSError(7, 'oh')", 7, "ramework {}rror: \nTraceback"),
        ("RuntimeError('oh')", 1, "ramework {}rror: \nTraceback"),
        ("OSError(0, 'oh')", 1, "ramework {}rror: \nTraceback"),
        ("OSError(300, 'oh')", 1, "ramework {}rror: \nTraceback"),
        ("SystemExit(9)", 9, "ramework {}rror: \nTraceback"),
        ("KeyboardInterrupt", 130, "ramework {}rror: \nTraceback"),
        ("errors.ClientError('yours')", 1, "yours"),
        (r"errors.ClientError('no \udcff text')", 1, r"no \udcff text"),
    ],
)
def test_what_a_framework_s_function_raises(container, package, raised, code, failure):
    errors = "errors" if package == "sagemaker_training" else "_errors as errors"
    container.code(
        "framework.py", f"from {package} import {errors}\ndef main():\n    raise {raised}\n"
    )
    container.python(
        f"import sys\nsys.path.insert(0, 'code')\nfrom {package}.cli import train\ntrain.main()\n",
        code=code,
        SAGEMAKER_TRAINING_MODULE="framework:main",
    )
    expected = failure.format("E" if package == "sagemaker_training" else "e")
    assert expected in container.output("failure")
    assert container.output("success") is None


def test_secrets_are_not_logged(container):
    container.code("train.py", "")
    container.write("hyperparameters", {"api_key": "hunter22", "lr": "1"})
    text = "import logging\nlogging.basicConfig(level=logging.INFO)\n" + TRAINING
    text += (
        "e = environment()\n"
        "entry_point.run(env.code_dir, 'train.py', e.to_cmd_args(), e.to_env_vars())\n"
    )
    with container.start(text, DB_PASSWORD="swordfish") as process:
        _, err = process.communicate(timeout=60)
    assert process.returncode == 0, err
    assert "Invoking script with the following command:" in err
    assert "train.py --api_key ****** --lr 1" in err
    assert "hunter22" not in err and "swordfish" not in err


def test_files_are_reported(container):
    container.python(
        TRAINING + "files.write_failure_file('first')\nfiles.write_failure_file('second')\n"
        "files.write_success_file()\n"
    )
    assert (container.output("failure"), container.output("success")) == ("first", "")


def test_intermediate_output_that_needs_no_upload(container):
    text = TRAINING + textwrap.dedent(
        """
        import os
        from sagemaker_training import intermediate_output
        print(intermediate_output.start_sync(None, 'eu-west-1'))
        try:
            intermediate_output.start_sync('http://x/y', 'eu-west-1')
        except ValueError as e:
            print(str(e)[:35])
        print(intermediate_output.start_sync('file:///x', 'eu-west-1'))
        print(os.path.isdir(intermediate_output.intermediate_path))
        """
    )
    out = container.python(text)
    assert out == "None\nExpecting 's3' scheme, got: http in\nNone\nTrue\n"
