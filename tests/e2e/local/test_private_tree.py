"""The job sees an /opt/ml of its own; nobody else does."""

import os


def test_is_invisible_outside(local, namespaces):
    before = sorted(os.listdir("/opt")) if os.path.isdir("/opt") else None
    code, _, err = local.run(
        *local.code("echo mine > /opt/ml/model/mine; ls -1 /opt/ml; test -z \"$SAGEMAKER_BASE_DIR\"")
    )
    assert code == 0, err
    assert local.archive("model.tar.gz") == {"mine": "mine\n"}
    assert (sorted(os.listdir("/opt")) if os.path.isdir("/opt") else None) == before


def test_leaves_the_rest_of_opt_visible(local, namespaces):
    code, _, _ = local.run(*local.code("echo opt: $(ls /opt | grep -vx ml)"))
    outside = sorted(set(os.listdir("/opt")) - {"ml"}) if os.path.isdir("/opt") else []
    assert code == 0
    assert " ".join(["opt:", *outside]) in local.log.splitlines()


def test_holds_what_the_platform_lays_down(local, namespaces):
    local.data(x="1")
    code, _, err = local.run(
        *local.code("cd /opt/ml; for f in input/config/*; do echo $f; cat $f; echo; done"),
        "--channel", "train=data", "--hyperparameter", "lr=0.1",
    )  # fmt: skip
    assert code == 0, err
    assert '"lr": "0.1"' in local.log
    assert '"sagemaker_program": "\\"train.sh\\""' in local.log
    assert '"current_host": "algo-1"' in local.log
    assert '{"train": {"TrainingInputMode": "File"' in local.log


def test_has_the_host_name_of_the_platform(local, namespaces):
    code, _, _ = local.run(*local.code("echo $(uname -n) $(grep -c 'algo-1$' /etc/hosts)"))
    assert code == 0
    assert "algo-1 1" in local.log.splitlines()
