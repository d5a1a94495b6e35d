"""output/intermediate: what a script leaves there is in S3, during the job and after it."""

import signal
import time

import pytest

PREFIX = "results/experiment"
PLACE = f"{PREFIX}/job-1/output/intermediate/"
HEAD = (
    "import os, pathlib, signal, sys, time\n"
    "out = pathlib.Path(os.environ['SM_OUTPUT_INTERMEDIATE_DIR'])\n"
    "def wait_for(name):\n"
    "    while not pathlib.Path(os.environ['SAGEMAKER_BASE_DIR'], name).exists(): time.sleep(0.01)\n"
)


@pytest.fixture
def job(container, store):
    """job(script, **variables) -> what Container.start takes for it."""

    def prepare(script, uri=None, **variables):
        container.code("train.py", HEAD + script)
        container.hyperparameters(
            sagemaker_program="train.py",
            sagemaker_s3_output=store.uri(PREFIX) if uri is None else uri,
        )
        return {"variables": {**store.variables, "TRAINING_JOB_NAME": "job-1", **variables}}

    return prepare


def uploaded(store):
    return {key.removeprefix(PLACE): store.get(key) for key in store.keys()}


def wait_until(condition, what):
    until = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < until, what
        time.sleep(0.02)


def test_files_are_there_while_the_script_runs(container, store, job):
    options = job(
        "(out / 'a').write_text('1')\n"
        "(out / 'late' / 'er').mkdir(parents=True)\n"
        "(out / 'late' / 'er' / 'b').write_text('2')\n"
        "wait_for('go')\n"
        "(out / 'a').write_text('3')\n"
    )
    with container.start("train", **options) as process:
        wait_until(
            lambda: store.keys() == [PLACE + "a", PLACE + "late/er/b"], "they are not uploaded"
        )
        assert uploaded(store) == {"a": b"1", "late/er/b": b"2"}
        assert process.poll() is None
        (container.base / "go").touch()
        _, err = process.communicate(timeout=60)
    assert process.returncode == 0, err
    assert uploaded(store) == {"a": b"3", "late/er/b": b"2"}


def test_what_is_renamed_deleted_linked_and_left_open(container, store, job):
    options = job(
        "(out / 'x.tmp').write_text('1')\n"
        "os.rename(out / 'x.tmp', out / 'x')\n"
        "(out / 'deleted').write_text('2')\n"
        "os.mkfifo(out / 'fifo')\n"
        "os.symlink(out / 'x', out / 'link')\n"
        "os.symlink(out, out / 'loop')\n"
        "(out / 'old').mkdir()\n"
        "(out / 'old' / 'f').write_text('3')\n"
        "os.rename(out / 'old', out / 'new')\n"
        "(out / 'ünï cödé').write_text('4')\n"
        "log = open(out / 'log', 'w'); log.write('5'); log.flush()\n"
        "wait_for('go')\n"
        "os.remove(out / 'deleted')\n"
        "time.sleep(1)\n"
    )
    with container.start("train", **options) as process:
        wait_until(lambda: PLACE + "deleted" in store.keys(), "it is not uploaded")
        (container.base / "go").touch()
        _, err = process.communicate(timeout=60)
    assert process.returncode == 0, err
    assert uploaded(store) == {
        "x": b"1", "deleted": b"2", "link": b"1", "new/f": b"3", "ünï cödé": b"4",
        "log": b"5",
    }  # fmt: skip


def test_each_upload_of_a_file_that_is_rewritten_is_one_state_of_it(container, store, job):
    size = 6 << 20
    store.boto.put_bucket_versioning(
        Bucket=store.bucket, VersioningConfiguration={"Status": "Enabled"}
    )
    options = job(
        f"size = {size}\n"
        "for letter in b'abcdefghijklmnop':\n"
        "    with open(out / 'state', 'wb') as file: file.write(bytes([letter]) * size)\n"
        "    time.sleep(0.3)\n"
    )
    code, _, err = container.train(**options)
    assert code == 0, err
    versions = store.boto.list_object_versions(Bucket=store.bucket)["Versions"]
    contents = [
        store.boto.get_object(Bucket=store.bucket, Key=v["Key"], VersionId=v["VersionId"])[
            "Body"
        ].read()
        for v in versions
    ]
    states = [(len(content), bytes(sorted(set(content)))) for content in contents]
    # Between open() and write() the file is empty: that is a state of it, too.
    whole = [(size, bytes([letter])) for letter in b"abcdefghijklmnop"]
    assert set(states) <= {*whole, (0, b"")}
    assert store.get(PLACE + "state") == b"p" * size


def test_thousands_of_small_files(container, store, job):
    options = job(
        "for i in range(2000):\n"
        "    folder = out / str(i % 30)\n"
        "    folder.mkdir(exist_ok=True)\n"
        "    (folder / str(i)).write_text(str(i))\n"
    )
    code, _, err = container.train(**options)
    assert code == 0, err
    assert store.keys() == sorted(f"{PLACE}{i % 30}/{i}" for i in range(2000))
    assert "2000 upload(s)" in err


def test_a_failed_job_uploads_too_and_stays_failed(container, store, job):
    options = job("(out / 'last').write_text('words')\nsys.exit(7)\n")
    code, _, err = container.train(**options)
    assert code == 7, err
    assert uploaded(store) == {"last": b"words"}
    assert "ExitCode 7" in container.failure


def test_a_stopped_job_uploads_what_it_saves_at_the_end(container, store, job):
    options = job(
        "def stop(*_):\n"
        "    (out / 'saved').write_text('state'); sys.exit(0)\n"
        "signal.signal(signal.SIGTERM, stop)\n"
        "print('ready')\n"
        "while True: time.sleep(60)\n"
    )
    with container.start("train", **options) as process:
        assert process.stdout.readline() == b"ready\n"
        process.send_signal(signal.SIGTERM)
        _, err = process.communicate(timeout=60)
    assert process.returncode == 0, err
    assert uploaded(store) == {"saved": b"state"}


def test_s3_that_is_down_costs_the_files_and_not_the_job(container, store, job):
    options = job(
        "(out / 'a').write_text('1')\n(out / 'b').write_text('2')\nprint('trained')\n",
        S3_ENDPOINT_URL="http://127.0.0.1:1",
        BERTH_UPLOAD_GRACE_SECONDS="3",
    )
    began = time.monotonic()
    code, out, err = container.train(**options)
    assert (code, out) == (0, "trained\n"), err
    assert container.succeeded
    assert time.monotonic() - began < 30
    assert 'not uploaded: "a": ' in err
    assert 'not uploaded, either: "b"\n' in err


def test_an_outage_that_ends_is_survived(container, store, job, fault_proxy):
    left = [6]

    def outage(_):
        left[0] -= 1
        return {"answer": (503, "SlowDown")} if left[0] >= 0 else None

    with fault_proxy(store.endpoint, outage) as proxy:
        options = job(
            "for i in range(20): (out / str(i)).write_text(str(i))\n", S3_ENDPOINT_URL=proxy.url
        )
        code, _, err = container.train(**options)
    assert code == 0, err
    assert uploaded(store) == {str(i): str(i).encode() for i in range(20)}


def test_an_interrupt_during_the_last_uploads_ends_them(container, store, job, fault_proxy):
    with fault_proxy(store.endpoint, lambda _: {"stall_after": 0}) as proxy:
        options = job("(out / 'a').write_text('1')\n", S3_ENDPOINT_URL=proxy.url)
        with container.start("train", **options) as process:
            wait_until(lambda: container.succeeded, "the job does not end")
            process.send_signal(signal.SIGINT)
            _, err = process.communicate(timeout=60)
    assert process.returncode == 0, err
    assert b'not uploaded: "a": ' in err


def test_a_folder_that_exists_is_the_platforms(container, store, job):
    (container.base / "output" / "intermediate").mkdir()
    code, _, err = container.train(**job("(out / 'a').write_text('1')\n"))
    assert code == 0, err
    assert store.keys() == []
    assert "it is the platform that uploads it" in err


def test_a_local_place_needs_no_upload(container, store, job, tmp_path):
    options = job("(out / 'a').write_text('1')\n", uri=f"file://{tmp_path}/results")
    code, _, err = container.train(**options)
    assert code == 0, err
    assert (container.base / "output" / "intermediate" / "a").read_text() == "1"


def test_a_place_that_is_none_is_said_before_the_script_runs(container, store, job):
    code, out, err = container.train(**job("print('ran')\n", uri="https://host/place"))
    assert (code, out) == (1, ""), err
    assert "sagemaker_s3_output" in container.failure
    assert "https://host/place" in container.failure


def test_without_a_job_name_the_key_has_none(container, store, job):
    options = job("(out / 'a').write_text('1')\n", uri=store.uri("p/"), TRAINING_JOB_NAME="")
    code, _, err = container.train(**options)
    assert code == 0, err
    assert store.keys() == ["p/output/intermediate/a"]
