"""The command line itself: help, slips, completion, `berth env`."""

import json
import os
import signal
import subprocess

import pytest


def run(berth, *arguments, **options):
    result = subprocess.run(
        [berth, *arguments], capture_output=True, text=True, timeout=60, check=False, **options
    )
    return result.returncode, result.stdout, result.stderr


COMMANDS = [
    [],
    ["train"],
    ["serve"],
    ["env"],
    ["run"],
    ["version"],
    ["completion"],
    ["rank"],
    ["entry-point"],
    ["local"],
    ["local", "train"],
]


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_every_command_has_help(berth, command):
    code, out, err = run(berth, *command, "--help")
    assert (code, err) == (0, "")
    assert "Usage: " in out
    if command not in (["serve"], ["version"], ["local"]):
        assert "Examples:" in out


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["trian"], 'berth: unknown command "trian"; did you mean "train"?'),
        (["env", "--fromat", "json"], 'berth env: unknown option "--fromat"; did you mean "--format"?'),
        (["local", "trian"], 'berth local: unknown command "trian"; did you mean "train"?'),
        (["xyzzy"], 'berth: unknown command "xyzzy"'),
        (["train", "extra"], 'berth train: unknown argument "extra"'),
    ],
)
def test_a_slip_is_answered_with_what_was_probably_meant(berth, arguments, message):
    code, out, err = run(berth, *arguments)
    assert (code, out) == (2, "")
    assert err.splitlines()[0] == message


def test_help_is_a_command_too(berth):
    assert run(berth, "help", "local", "train") == run(berth, "local", "train", "--help")


def test_no_command_is_wrong_usage(berth):
    code, out, err = run(berth)
    assert (code, out) == (2, "")
    assert "Usage: berth" in err


def test_version(berth):
    code, out, _ = run(berth, "version")
    assert code == 0
    assert out.startswith("berth ")
    assert run(berth, "--version") == (0, out, "")


def test_the_links_beside_the_binary_are_the_commands(berth):
    folder = os.path.dirname(berth)
    for name in ("train", "serve"):
        assert os.readlink(os.path.join(folder, name)) == "berth"
    code, out, _ = run(os.path.join(folder, "train"), "--help")
    assert code == 0
    assert "/opt/ml/input/config" in out


def test_env_prints_what_a_script_would_get_and_runs_nothing(container):
    container.code("train.py", "open('ran', 'w')")
    container.hyperparameters(sagemaker_program="train.py", lr="0.1")
    code, out, err = container.run("env", "--format", "json")
    assert code == 0, err
    plan = json.loads(out)
    assert sorted(plan) == ["arguments", "command", "variables"]
    assert plan["variables"]["SM_HP_LR"] == "0.1"
    assert plan["arguments"] == ["--lr", "0.1"]
    assert plan["command"][1:] == ["train.py", "--lr", "0.1"]
    assert not (container.base / "code" / "ran").exists()
    assert os.listdir(container.base / "output") == []


def test_output_that_cannot_be_written_is_a_failure(container):
    with open("/dev/full", "w") as full:
        code, _, err = container.run("env", stdout=full)
    assert code == 1
    assert "cannot write to standard output" in err


def test_env_as_shell_can_be_evaluated(container):
    container.hyperparameters(x="it's $HOME; `id`\n")
    code, out, err = container.run("env")
    assert code == 0, err
    shell = subprocess.run(
        ["/bin/sh", "-c", 'eval "$1"; printf %s "$SM_HP_X"', "sh", out],
        capture_output=True,
        text=True,
        check=True,
    )
    assert shell.stdout == "it's $HOME; `id`\n"


def test_run_gives_any_command_the_variables(container):
    container.hyperparameters(lr="0.1")
    code, out, err = container.run("run", "--", "printenv", "SM_HP_LR")
    assert (code, out) == (0, "0.1\n"), err


def test_run_passes_arguments_byte_for_byte(container):
    words = ["", " ", "a b", "$HOME", "*", "[a,b]", "{}", "--grace", "--", "-h", "%%", "\n", "'\""]
    code, out, err = container.run("run", "--", "printf", "<%s>", *words)
    assert (code, out) == (0, "".join(f"<{word}>" for word in words)), err


def test_run_says_what_it_cannot_find(container):
    code, _, err = container.run("run", "--", "no-such-program")
    assert code == 127
    assert "no-such-program" in err


def test_run_needs_a_command(berth):
    code, _, err = run(berth, "run")
    assert code == 2
    assert "command" in err


COMPLETIONS = [("berth tr", "train"), ("berth env --fo", "--format"), ("berth local t", "train"),
    ("berth env --format ", "json"), ("berth completion ", "zsh")]


@pytest.mark.parametrize(("line", "wanted"), COMPLETIONS)
def test_bash_completes_commands_and_options(berth, line, wanted):
    words = line.split(" ")
    script = (
        'eval "$("$1" completion bash)"; shift; COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _berth;'
        ' printf "%s\\n" "${COMPREPLY[@]}"'
    )
    result = subprocess.run(
        ["bash", "-c", script, "bash", berth, *words], capture_output=True, text=True, check=True
    )
    assert wanted in result.stdout.split()


@pytest.mark.parametrize(("line", "wanted"), COMPLETIONS)
def test_zsh_completes_commands_and_options(berth, line, wanted):
    script = (
        'compdef() { :; }; compadd() { shift; print -l -- "$@" }; _files() { :; }\n'
        'source <("$1" completion zsh); shift; words=("$@"); CURRENT=$#; _berth'
    )
    result = subprocess.run(
        ["zsh", "-f", "-c", script, "zsh", berth, *line.split(" ")],
        capture_output=True,
        text=True,
        check=False,
    )
    assert wanted in result.stdout.split(), result.stderr


def test_a_parent_that_cannot_be_is_refused(berth):
    done = subprocess.run(
        [berth, "entry-point", "--parent", "-3"], stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 2
    assert done.stderr.splitlines()[0] == "berth entry-point: --parent: Value -3 not in range 1 to 4194304"


def test_a_parent_that_is_gone_ends_it_at_once(berth):
    request = '{"command": ["true"], "code_directory": "/"}'
    done = subprocess.run(
        [berth, "entry-point", "--parent", "1"], input=request, capture_output=True, text=True, timeout=60
    )
    assert done.returncode == -signal.SIGTERM
