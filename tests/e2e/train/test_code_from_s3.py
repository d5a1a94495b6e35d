"""The code of a job is in S3: what arrives in code/, and what is said when it does not."""

import io
import os
import signal
import tarfile
import time

import pytest

SCRIPT = b"import helper\nprint('trained with', helper.NAME)\n"


def archive(**files):
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w:gz") as tar:
        for name, content in files.items():
            info = tarfile.TarInfo(name.replace("__", "."))
            info.size = len(content)
            tar.addfile(info, io.BytesIO(content))
    return packed.getvalue()


SOURCE = archive(train__py=SCRIPT, helper__py=b"NAME = 'a helper'\n")


def code_of(container):
    return sorted(path.name for path in (container.base / "code").iterdir())


def train(container, store, uri, **variables):
    container.hyperparameters(sagemaker_program="train.py", sagemaker_submit_directory=uri)
    return container.train(variables={**store.variables, **variables})


@pytest.mark.parametrize(
    "key", ["job/source/sourcedir.tar.gz", "with space/ünï+%20.tar.gz", "no-suffix"]
)
def test_an_archive_is_extracted_and_run(container, store, key):
    code, out, err = train(container, store, store.put(key, SOURCE))
    assert (code, out) == (0, "trained with a helper\n"), err
    assert "train.py" in code_of(container)
    assert container.succeeded


def test_an_archive_of_several_pieces_is_extracted(container, store):
    content = os.urandom(17 << 20)
    uri = store.put("big.tar.gz", archive(train__py=b"print('trained')\n", data__bin=content))
    code, out, err = train(container, store, uri)
    assert (code, out) == (0, "trained\n"), err
    assert (container.base / "code" / "data.bin").read_bytes() == content


def test_a_single_file_is_the_code(container, store):
    code, out, err = train(container, store, store.put("code/train.py", b"print('trained')\n"))
    assert (code, out) == (0, "trained\n"), err
    assert code_of(container) == ["train.py"]


def test_a_server_that_verifies_signatures_gives_the_code(container, verifying_store):
    uri = verifying_store.put("sourcedir.tar.gz", SOURCE)
    code, out, err = train(container, verifying_store, uri)
    assert (code, out) == (0, "trained with a helper\n"), err


def test_code_of_the_image_stays_and_nobody_is_asked(container, store):
    container.code("train.py", "print('the image')\n")
    code, out, err = train(
        container, store, "s3://b/k.tar.gz", S3_ENDPOINT_URL="http://127.0.0.1:1"
    )
    assert (code, out) == (0, "the image\n"), err
    assert "is not empty: using the code in it" in err


def test_a_missing_key_is_named_with_its_neighbours(container, store):
    store.put("job/source/sourcedir.tar.gz", SOURCE)
    code, _, err = train(container, store, store.uri("job/source/sourcedir.tgz"))
    assert code == 1, err
    assert container.failure.startswith("ClientError:")
    assert f"cannot fetch the code from \"{store.uri('job/source/sourcedir.tgz')}\"" in (
        container.failure.replace('\\"', '"')
    )
    assert "404 NoSuchKey" in container.failure
    assert "job/source/sourcedir.tar.gz" in container.failure
    assert code_of(container) == []


def test_a_missing_bucket_is_named(container, store):
    code, _, err = train(container, store, "s3://no-such-bucket-here/sourcedir.tar.gz")
    assert code == 1, err
    assert "no-such-bucket-here" in container.failure
    assert "NoSuchBucket" in container.failure


def test_a_wrong_secret_is_refused_and_not_shown(container, verifying_store):
    uri = verifying_store.put("sourcedir.tar.gz", SOURCE)
    secret = "wrong-secret-0123456789"
    code, _, err = train(container, verifying_store, uri, AWS_SECRET_ACCESS_KEY=secret)
    assert code == 1, err
    assert "403" in container.failure
    assert "credentials: environment variables" in container.failure
    assert secret not in container.failure + err
    assert code_of(container) == []


def test_without_a_region_it_is_asked_for(container, store):
    code, _, err = train(
        container, store, "s3://bucket/k.tar.gz", AWS_REGION="", S3_ENDPOINT_URL=""
    )
    assert code == 1, err
    assert "set AWS_REGION" in container.failure


@pytest.mark.parametrize("damage", ["truncated", "flipped", "no archive"])
def test_a_damaged_archive_leaves_nothing(container, store, damage):
    packed = archive(train__py=SCRIPT, data__bin=os.urandom(300_000))
    damaged = {
        "truncated": packed[:200_000],
        "flipped": packed[:150_000] + bytes([packed[150_000] ^ 4]) + packed[150_001:],
        "no archive": b"no archive",
    }[damage]
    code, _, err = train(container, store, store.put("sourcedir.tar.gz", damaged))
    assert code == 1, err
    assert "cannot fetch the code from" in container.failure
    assert code_of(container) == []


def test_sigterm_during_the_download_ends_it_at_once(container, store, fault_proxy):
    uri = store.put("sourcedir.tar.gz", archive(train__py=SCRIPT, data__bin=os.urandom(33 << 20)))
    container.hyperparameters(sagemaker_program="train.py", sagemaker_submit_directory=uri)
    # Each connection brings one piece of the object, and stands still in the next one.
    with fault_proxy(store.endpoint, lambda _: {"stall_after": 12 << 20}) as proxy:
        variables = {**store.variables, "S3_ENDPOINT_URL": proxy.url}
        with container.start("train", variables=variables) as process:
            until = time.monotonic() + 30
            while code_of(container) == [] and time.monotonic() < until:
                time.sleep(0.01)
            extracted = code_of(container)
            process.send_signal(signal.SIGTERM)
            sent = time.monotonic()
            _, err = process.communicate(timeout=30)
            took = time.monotonic() - sent
    assert extracted != [], "nothing was extracted while it was downloaded"
    assert process.returncode == 143, err
    assert took < 3, took  # a second of ours, and what a busy machine adds
    assert "cancelled" in container.failure
    assert code_of(container) == []
