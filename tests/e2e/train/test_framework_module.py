"""SAGEMAKER_TRAINING_MODULE: a framework container's own main function."""

import pytest


def train(container, text, function="main", **variables):
    container.code("my_framework.py", text)
    return container.train(
        variables={"SAGEMAKER_TRAINING_MODULE": f"my_framework:{function}"} | variables
    )


def test_the_function_is_called_instead_of_a_script(container):
    code, out, err = train(container, "def main():\n    print('in framework')\n")
    assert code == 0, err
    assert out == "in framework\n"
    assert container.succeeded


# A framework's own main function that raises a client error of a toolkit that is not installed here.
CLIENT_ERROR = (
    "class ClientError(Exception): __module__ = '%s'\nclass Mine(ClientError): pass\n"
    "def main():\n    raise Mine('your learning rate is negative')\n"
)


@pytest.mark.parametrize("module", ["sagemaker_training.errors", "sagemaker_containers._errors"])
def test_a_client_error_is_reported_as_itself(container, module):
    code, _, err = train(container, CLIENT_ERROR % module)
    assert code == 1
    assert container.failure == "your learning rate is negative"
    assert "Mine: your learning rate is negative" in err


def test_a_client_error_of_boto3_is_none_of_the_users(container):
    code, _, _ = train(container, CLIENT_ERROR % "botocore.exceptions")
    assert code == 1
    assert container.failure.startswith("framework error: my_framework.Mine: your learning rate")


def test_an_exception_is_reported_where_the_streams_are_closed(container):
    text = "import sys\ndef main():\n    sys.stderr.close()\n    raise RuntimeError('oh')\n"
    assert train(container, text)[0] == 1
    assert container.failure.startswith("framework error: RuntimeError: oh\nTraceback")


@pytest.mark.parametrize(
    ("errno", "code"), [("7", 7), ("None", 1), ("'x'", 1), ("0", 1), ("300", 1)]
)
def test_another_exception_is_a_framework_error_with_its_errno(container, errno, code):
    text = f"def main():\n    e = RuntimeError('oh')\n    e.errno = {errno}\n    raise e\n"
    assert train(container, text)[0] == code
    assert container.failure.startswith("framework error: RuntimeError: oh\nTraceback")
    assert container.failure.count("RuntimeError: oh") == 1


def test_a_module_that_cannot_be_imported_is_a_framework_error(container):
    assert train(container, "import no_such_module\n")[0] == 1
    assert "No module named 'no_such_module'" in container.failure.splitlines()[0]


def test_the_exit_code_of_sys_exit_is_kept(container):
    assert train(container, "import sys\ndef main():\n    sys.exit(9)\n")[0] == 9


def test_a_setting_of_the_wrong_form_is_said(container):
    code, _, _ = container.train(variables={"SAGEMAKER_TRAINING_MODULE": "no-function"})
    assert code == 1
    assert 'SAGEMAKER_TRAINING_MODULE is "no-function"' in container.failure
