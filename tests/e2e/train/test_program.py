"""Any program as entry point, and requirements that must be installed first."""

import stat


def test_a_shell_script_runs_without_its_executable_bit(container):
    container.code("run.sh", '#!/bin/sh\necho "$@"; echo "$SM_HP_X"\n')
    container.hyperparameters(sagemaker_program="run.sh", x="a  b")
    code, out, err = container.train()
    assert code == 0, err
    assert out == "--x a  b\n" + "a  b\n" or out == "-x a  b\na  b\n"


def test_a_file_without_an_interpreter_line_runs_in_sh(container):
    container.code("run", "echo plain $0\n")
    container.hyperparameters(sagemaker_program="run")
    code, out, err = container.train()
    assert code == 0, err
    assert out.startswith("plain ")


def test_the_exit_code_of_the_program_is_that_of_the_job(container):
    container.code("run.sh", "#!/bin/sh\necho broken >&2\nexit 42\n", stat.S_IRWXU)
    container.hyperparameters(sagemaker_program="run.sh")
    code, _, _ = container.train()
    assert code == 42
    assert container.failure == (
        'ExecuteUserScriptError:\nExitCode 42\nErrorMessage "broken"\nCommand "./run.sh"'
    )


def test_a_missing_interpreter_is_named(container):
    container.code("run.pl", "#!/no/such/perl\n", stat.S_IRWXU)
    container.hyperparameters(sagemaker_program="run.pl")
    code, _, _ = container.train()
    assert code in (126, 127)
    assert "/no/such/perl" in container.failure


def test_requirements_that_cannot_be_installed_end_the_job(container):
    container.code("train.py", "print('never')")
    container.code("requirements.txt", "./no-such-package\n")
    container.hyperparameters(sagemaker_program="train.py")
    code, out, _ = container.train()
    assert code != 0
    assert "never" not in out
    assert container.failure.startswith("InstallRequirementsError:\n")
    assert "no-such-package" in container.failure


def test_a_package_is_installed_and_run_as_a_module(container, tmp_path):
    target = tmp_path / "site"
    container.code(
        "setup.py",
        "from setuptools import setup\nsetup(name='mytrain', version='1', packages=['mytrain'])\n",
    )
    container.code("mytrain/__init__.py", "")
    container.code("mytrain/__main__.py", "import sys\nprint('module', sys.argv[1:])\n")
    container.hyperparameters(sagemaker_program="mytrain", k="1")
    code, out, err = container.train(
        variables={"PIP_TARGET": str(target), "PIP_NO_BUILD_ISOLATION": "0", "PIP_NO_INDEX": "1"}
    )
    assert code == 0, err
    assert "module ['-k', '1']" in out
