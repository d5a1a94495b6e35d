"""A relative folder of code in a job file begins at the working directory."""

import json
import pathlib

ROOT = pathlib.Path(__file__).resolve().parents[3]


def test_of_a_request(local):
    local.code("echo ran")
    request = local.request(
        HyperParameters={
            "sagemaker_submit_directory": json.dumps("source"),
            "sagemaker_program": json.dumps("train.sh"),
        }
    )
    code, _, err = local.run(request)
    assert code == 0, err
    assert "ran" in local.log


def test_of_the_example(local):
    """As the example's README runs it: from the project's folder."""
    job = json.loads((ROOT / "examples" / "digits" / "job.json").read_text())
    source = json.loads(job["HyperParameters"]["sagemaker_submit_directory"])
    assert (ROOT / source / json.loads(job["HyperParameters"]["sagemaker_program"])).is_file()
    (local.base / "examples").symlink_to(ROOT / "examples")
    data = local.base / "build" / "digits"
    for name in ("training", "test"):
        (data / name).mkdir(parents=True)
    # What is asked here is whether the code is found: any interpreter will do for that.
    python = local.base / "bin" / "python3"
    python.parent.mkdir()
    python.write_text('#!/bin/sh\necho "python runs $1 in $PWD"; ls\n')
    python.chmod(0o755)
    variables = {"PATH": f"{python.parent}:{local.environment()['PATH']}"}
    code, _, err = local.run("examples/digits/job.json", variables=variables)
    assert code == 0, err
    assert "train.py" in local.log
