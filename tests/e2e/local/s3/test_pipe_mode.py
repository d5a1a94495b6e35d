"""Pipe mode: a FIFO for each epoch."""

import gzip
import json
import struct

import pytest

DATA = "cd ${SAGEMAKER_BASE_DIR:-/opt/ml}/input/data\nnext() { while [ ! -p $1 ]; do sleep 0.01; done; }\n"


@pytest.fixture(params=["s3", "file"])
def place(request, s3job, bucket):
    """place(objects) -> the address of a folder that holds them."""

    def put(**objects):
        if request.param == "s3":
            bucket.put(**{f"d/{name}": content for name, content in objects.items()})
            return bucket.uri("d/")
        folder = s3job.base / "d"
        for name, content in objects.items():
            path = folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content.encode() if isinstance(content, str) else content)
        return f"file://{folder}"

    return put


def record(content):
    return struct.pack("<II", 0xCED7230A, len(content)) + content + b"\0" * (-len(content) % 4)


def pipe(s3job, make_channel, uri, script, *arguments, **members):
    request = s3job.request(InputDataConfig=[make_channel("train", uri, "Pipe", **members)])
    return s3job.run(request, *s3job.code(DATA + script), *arguments)


def test_epochs_in_the_order_of_keys(s3job, make_channel, place):
    uri = place(b="2\n", a="1\n", **{"sub/c": "3\n", "empty": ""})
    code, _, err = pipe(
        s3job, make_channel, uri,
        "for e in 0 1 2; do next train_$e; cat train_$e | tr -d '\\n'; echo; done; ls",
    )  # fmt: skip
    assert code == 0, err
    assert "123\n123\n123\n" in s3job.log
    assert not (s3job.output / ".work").exists()


def test_large_objects(s3job, make_channel, place):
    import hashlib

    content = bytes(range(256)) * (9 << 12)
    uri = place(a=content, b=content[:1000])
    code, _, err = pipe(s3job, make_channel, uri, "md5sum < train_0")
    assert code == 0, err
    assert hashlib.md5(content + content[:1000]).hexdigest() in s3job.log


def test_records(s3job, make_channel, place):
    objects = {f"{n}": b"x" * n for n in range(6)}
    uri = place(**objects)
    code, _, err = pipe(
        s3job, make_channel, uri, 'cat train_0 > "$SM_MODEL_DIR/stream"',
        RecordWrapperType_="RecordIO",
    )  # fmt: skip
    assert code == 0, err
    whole = b"".join(record(content) for content in objects.values())
    import tarfile

    with tarfile.open(s3job.output / "model.tar.gz") as tar:
        assert tar.extractfile("stream").read() == whole


def test_gzip_is_undone(s3job, make_channel, place):
    uri = place(**{"a.gz": gzip.compress(b"one\n" * 50000), "b.gz": gzip.compress(b"two\n")})
    code, _, err = pipe(
        s3job, make_channel, uri, "wc -c < train_0; next train_1; tail -1 train_1",
        CompressionType_="Gzip",
    )  # fmt: skip
    assert code == 0, err
    assert "200004\n" in s3job.log and "two\n" in s3job.log


def test_shuffled_anew_in_each_epoch_and_alike_in_each_job(s3job, make_channel, place):
    uri = place(**{f"{n:02}": f"{n:02} " for n in range(20)})
    seen = []
    for run in range(2):
        s3job.output = s3job.base / f"job{run}"
        code, _, err = pipe(
            s3job, make_channel, uri, "for e in 0 1; do next train_$e; cat train_$e; echo; done",
            ShuffleConfig_={"Seed": 7},
        )  # fmt: skip
        assert code == 0, err
        seen.append([line.split() for line in s3job.log.splitlines() if len(line.split()) == 20])
    first, second = seen[0]
    assert first != second and sorted(first) == sorted(second) == [f"{n:02}" for n in range(20)]
    assert seen[1] == seen[0]


def test_a_reader_that_leaves_early_or_never_comes(s3job, make_channel, place):
    content = b"0123456789abcde\n" * (1 << 18)
    uri = place(a=content, b=content)
    code, _, err = pipe(
        s3job, make_channel, uri, "head -n 1 train_0; next train_1; wc -c < train_1; ls train_*"
    )
    assert code == 0, err
    assert "0123456789abcde\n" in s3job.log and f"{2 * len(content)}\n" in s3job.log
    assert "train_2" in s3job.log and "train_0" not in s3job.log


def test_the_next_epoch_may_be_opened_early(s3job, make_channel, place):
    uri = place(a="x" * 200_000)
    code, _, err = pipe(
        s3job, make_channel, uri,
        "exec 3< train_0; next train_1; exec 4< train_1; wc -c <&4; wc -c <&3",
    )  # fmt: skip
    assert code == 0, err
    assert s3job.log.count("200000\n") == 2


def test_a_broken_object_fails_the_job_and_never_looks_like_the_end(s3job, make_channel, place):
    uri = place(**{"a.gz": gzip.compress(b"one\n" * 1000)[:-12]})
    code, _, err = pipe(
        s3job, make_channel, uri, "cat train_0 > /dev/null; echo took it for whole",
        CompressionType_="Gzip",
    )  # fmt: skip
    assert code == 1, err
    assert "took it for whole" not in s3job.log
    reason = s3job.record["FailureReason"]
    assert reason.startswith('ClientError: Data download failed: InputDataConfig[0] (channel "train")')
    assert "a.gz" in reason


def test_no_data_fails_the_job_before_it_starts(s3job, make_channel, bucket):
    code, _, _ = pipe(s3job, make_channel, bucket.uri("none/"), "echo started")
    assert code == 1
    assert "No S3 objects found under S3 URL" in s3job.record["FailureReason"]


def test_an_augmented_manifest(s3job, make_channel, place, bucket):
    uri = place(cat=b"meow", dog=b"woof!").rstrip("/")
    lines = [
        {"image-ref": f"{uri}/cat", "is-a-cat": 1, "other": "ignored"},
        {"image-ref": f"{uri}/dog", "is-a-cat": 0, "name": "ü"},
    ]
    bucket.put(manifest="\n".join(map(json.dumps, lines)) + "\n")
    members = {
        "S3DataType": "AugmentedManifestFile", "AttributeNames": ["image-ref", "is-a-cat"],
    }  # fmt: skip
    code, _, err = pipe(
        s3job, make_channel, bucket.uri("manifest"), 'cat train_0 > "$SM_MODEL_DIR/stream"',
        RecordWrapperType_="RecordIO", **members,
    )  # fmt: skip
    assert code == 0, err
    import tarfile

    with tarfile.open(s3job.output / "model.tar.gz") as tar:
        stream = tar.extractfile("stream").read()
    assert stream == record(b"meow") + record(b"1") + record(b"woof!") + record(b"0")
    s3job.output = s3job.base / "plain"
    code, _, err = pipe(s3job, make_channel, bucket.uri("manifest"), "cat train_0", **members)
    assert code == 0, err
    assert "meow1woof!0" in s3job.log


def test_a_manifest_line_without_the_attribute_is_named(s3job, make_channel, bucket):
    bucket.put(manifest='{"a": 1}\n{"b": 2}\n')
    code, _, err = pipe(
        s3job, make_channel, bucket.uri("manifest"), "echo started",
        S3DataType="AugmentedManifestFile", AttributeNames=["a"],
    )  # fmt: skip
    assert code == 1, err
    assert 'line 2: has no attribute "a"' in s3job.record["FailureReason"]


@pytest.mark.parametrize("server", ["moto"], indirect=True)
def test_keys_that_can_be_no_files_are_streamed(s3job, make_channel, bucket):
    content = {"d//x": "1", "d/a/../evil": "2", "d/dir/": "3", "d/empty/": "", "d/" + "l" * 300: "4"}
    bucket.put(**content)
    code, _, err = pipe(s3job, make_channel, bucket.uri("d/"), "cat train_0")
    assert code == 0, err
    expected = "".join(content[key] for key in sorted(content))
    assert expected in s3job.log


@pytest.mark.parametrize("wrapper", ["None", "RecordIO"])
def test_what_is_no_gzip_fails_a_gzip_channel(s3job, make_channel, place, wrapper):
    uri = place(**{"a.gz": "plain text"})
    code, _, err = pipe(
        s3job, make_channel, uri, "cat train_0 > /dev/null; echo took it for whole",
        CompressionType_="Gzip", RecordWrapperType_=wrapper,
    )  # fmt: skip
    assert code == 1, err
    assert "took it for whole" not in s3job.log
    assert "a.gz: it is not gzip: compress it so" in s3job.record["FailureReason"]
