"""FastFile channels of S3 are mounted: read-only, and fetched where they are read."""

import contextlib
import hashlib
import os
import pathlib
import re
import signal
import subprocess
import textwrap
import time

import pytest

import servers

MIB = 1 << 20
DEADLINE = 120


@pytest.fixture
def mounted(namespaces):
    """Skips, with the reason, where this machine allows no FUSE mount."""
    if not os.path.exists("/dev/fuse"):
        pytest.skip("there is no /dev/fuse here")
    with contextlib.suppress(OSError):
        os.close(os.open("/dev/fuse", os.O_RDWR))
        return
    pytest.skip("/dev/fuse cannot be opened here")


def content(size, seed=0):
    """Bytes of which no two pieces are alike."""
    block = b"".join(hashlib.sha256(b"%d %d" % (seed, n)).digest() for n in range(1024))
    return b"".join(b"%08d" % n + block for n in range(size // len(block) + 1))[:size]


class FastJob:
    def __init__(self, s3job, bucket, make_channel):
        self.s3job, self.bucket, self.make_channel = s3job, bucket, make_channel

    def arguments(self, code, uri=None, members=None, **source):
        self.s3job.code(
            f"import hashlib, os, sys\nos.chdir(os.environ['SM_CHANNEL_TRAIN'])\n"
            f"def sha(b): return hashlib.sha256(b).hexdigest()\n{textwrap.dedent(code)}",
            name="train.py")  # fmt: skip
        request = self.s3job.request(InputDataConfig=[
            self.make_channel("train", uri or self.bucket.uri("d/"), "FastFile", **source)],
            **(members or {}))  # fmt: skip
        return (request, "--source", str(self.s3job.source), "--entry-point", "train.py")

    def run(self, code, uri=None, prefix=(), variables=None, **source):
        return self.s3job.run(*self.arguments(code, uri, **source), prefix=prefix,
                              variables=variables)  # fmt: skip

    def start(self, code, variables=None):
        return self.s3job.start(*self.arguments(code), variables=variables)

    def ok(self, code, **options):
        status, _, err = self.run(code, **options)
        assert status == 0, err + self.s3job.log
        return err


@pytest.fixture
def fast(s3job, bucket, make_channel):
    return FastJob(s3job, bucket, make_channel)


only_moto = pytest.mark.parametrize("server", ["moto"], indirect=True)


def test_only_what_is_read_is_fetched(fast, bucket, mounted):
    one = content(3 * MIB)
    bucket.put(**{"d/1": one, "d/2": content(9 * MIB, 2), "d/3": content(100, 3)})
    err = fast.ok("print(sha(open('1', 'rb').read()))")
    assert hashlib.sha256(one).hexdigest() in fast.s3job.log
    assert "FastFile: 3 files, 12.6 MB, to be fetched when they are read" in err
    assert "FastFile: fetched 3.15 MB of 12.6 MB, 1 of 3 files, 3 requests" in err
    assert not (fast.s3job.output / ".work").exists()


def test_content_of_every_size(fast, bucket, mounted):
    sizes = [0, 1, 4096, MIB - 1, MIB, MIB + 1, 21 * MIB + 17]
    files = {f"d/{size}": content(size, size) for size in sizes}
    bucket.put(**files)
    err = fast.ok("for name in sorted(os.listdir()): print(name, sha(open(name, 'rb').read()))")
    for name, data in files.items():
        assert f"{name[2:]} {hashlib.sha256(data).hexdigest()}" in fast.s3job.log
    # Every piece once: what was read ahead was not fetched again.
    total = sum(-(-size // MIB) for size in sizes)
    assert f"6 of 7 files, {total} requests" in err


def test_names_sizes_and_times(fast, bucket, mounted):
    bucket.put(**{"d/a/b c/ü ß.txt": "12345", "d/a/x": "", "d/z": "1"})
    fast.ok("""
        for folder, folders, files in sorted(os.walk('.')):
            about = os.stat(folder)
            print(folder, sorted(folders), sorted(files), oct(about.st_mode), about.st_uid)
        about = os.stat('a/b c/ü ß.txt')
        print(about.st_size, oct(about.st_mode), about.st_uid, about.st_gid, int(about.st_mtime))
        print(os.path.exists('none'), os.path.exists('a/none'), os.statvfs('.').f_namemax)
        os.system('ls -lR > /dev/null && echo listed; df . > /dev/null && echo sized')
    """)
    log = fast.s3job.log
    me, group = os.geteuid(), os.getegid()
    when = bucket.boto.head_object(Bucket=bucket.name, Key="d/z")["LastModified"].timestamp()
    assert f". ['a'] ['z'] 0o40555 {me}\n" in log
    assert f"./a ['b c'] ['x'] 0o40555 {me}\n" in log
    assert f"./a/b c [] ['ü ß.txt'] 0o40555 {me}\n" in log
    size, mode, uid, gid, mtime = re.search(r"^(5) (0o\d+) (\d+) (\d+) (\d+)$", log, re.M).groups()
    assert (mode, int(uid), int(gid)) == ("0o100444", me, group)
    assert abs(int(mtime) - when) < 60
    assert "False False 255\n" in log and "listed\n" in log and "sized\n" in log


@only_moto
def test_a_folder_of_many_files(fast, bucket, mounted):
    bucket.put(**{f"d/{n:04}": str(n) for n in range(1200)})
    fast.ok("""
        names = sorted(os.listdir())
        print(len(names), names[0], names[-1], sum(int(open(n).read()) for n in names))
    """)
    assert f"1200 0000 1199 {sum(range(1200))}\n" in fast.s3job.log


def test_random_reads_and_mmap(fast, bucket, mounted):
    data = content(40 * MIB)
    bucket.put(**{"d/large": data})
    err = fast.ok("""
        import mmap
        with open('large', 'rb') as file:
            for offset in (30 << 20, 5, (7 << 20) - 3, (40 << 20) - 2):
                print(offset, sha(os.pread(file.fileno(), 4000, offset)))
            view = mmap.mmap(file.fileno(), 0, prot=mmap.PROT_READ)
            print('mapped', sha(view[20 << 20: (20 << 20) + 9999]))
        direct = os.open('large', os.O_RDONLY | os.O_DIRECT)
        buffer = mmap.mmap(-1, 3 << 20)
        print('direct', os.preadv(direct, [buffer], 11 << 20), sha(buffer[:]))
    """)
    for offset in (30 << 20, 5, (7 << 20) - 3, (40 << 20) - 2):
        assert f"{offset} {hashlib.sha256(data[offset:offset + 4000]).hexdigest()}" in fast.s3job.log
    mapped = hashlib.sha256(data[20 << 20 : (20 << 20) + 9999]).hexdigest()
    assert f"mapped {mapped}" in fast.s3job.log
    direct = hashlib.sha256(data[11 << 20 : 14 << 20]).hexdigest()
    assert f"direct {3 << 20} {direct}" in fast.s3job.log
    # Whoever jumps does not get the file: a few pieces around each place.
    assert int(re.search(r"1 of 1 file, (\d+) requests", err)[1]) <= 16


def test_readers_in_parallel(fast, bucket, mounted):
    files = {f"d/{n}": content(5 * MIB, n) for n in range(8)}
    bucket.put(**files)
    fast.ok("""
        from concurrent.futures import ThreadPoolExecutor
        def read(n): return n, sha(open(str(n % 8), 'rb').read())
        with ThreadPoolExecutor(16) as pool:
            for n, digest in pool.map(read, range(16)): print(n, digest)
    """)
    for n in range(16):
        assert f"{n} {hashlib.sha256(files[f'd/{n % 8}']).hexdigest()}\n" in fast.s3job.log


@only_moto
def test_nothing_can_be_written(fast, bucket, mounted):
    bucket.put(**{"d/a": "1"})
    fast.ok("""
        import errno
        for what in (lambda: open('a', 'w'), lambda: open('new', 'x'), lambda: os.mkdir('sub'),
                     lambda: os.remove('a'), lambda: os.chmod('a', 0o777), lambda: os.rename('a', 'b'),
                     lambda: os.truncate('a', 0), lambda: os.symlink('a', 'l'), lambda: os.utime('a')):
            try: what(); print('done')
            except OSError as error: print(errno.errorcode[error.errno])
    """)
    assert fast.s3job.log.count("EROFS") == 9


@only_moto
def test_a_manifest_names_the_files(fast, bucket, mounted):
    bucket.put(**{"d/a": "1", "d/sub/b": "22", "d/c": "3",
                  "manifest": '[{"prefix": "%s"}, "a", "sub/b"]' % bucket.uri("d/")})  # fmt: skip
    err = fast.ok("print(sorted(os.listdir()), open('sub/b').read())",
                  uri=bucket.uri("manifest"), S3DataType="ManifestFile",
                  S3DataDistributionType="ShardedByS3Key")  # fmt: skip
    assert "['a', 'sub'] 22\n" in fast.s3job.log
    assert "fetched 2 B of 3 B, 1 of 2 files, 1 request\n" in err


def test_nothing_under_the_prefix_fails_the_job_before_it_starts(fast, bucket, mounted):
    code, _, _ = fast.run("print('started')", uri=bucket.uri("none/"))
    assert code == 1
    assert fast.s3job.record["FailureReason"] == (
        "ClientError: Data download failed: InputDataConfig[0] (channel \"train\"): No S3 objects "
        f"found under S3 URL \"{bucket.uri('none/')}\": put objects there, or correct the address "
        f"(a folder's ends in '/'); nothing is below {bucket.uri()}"
    )  # fmt: skip
    assert "Training" not in [t["Status"] for t in fast.s3job.record["SecondaryStatusTransitions"]]


@only_moto
def test_names_that_cannot_both_be_files_are_named(fast, bucket, mounted):
    bucket.put(**{"d/a": "1", "d/a/b": "2"})
    code, _, _ = fast.run("")
    assert code == 1
    assert fast.s3job.record["FailureReason"].endswith(
        f"cannot place {bucket.uri('d/a')}: its name is that of the folder of {bucket.uri('d/a/b')}"
    )


WAITS_FOR_A_GO = """
    file = open('a', 'rb', buffering=0)
    print(sha(file.read(100)), flush=True)
    print('ready', flush=True)
    while not os.path.exists(%r): pass
    try: print('read', len(os.pread(file.fileno(), 10, 8 << 20)))
    except OSError as error: print('errno', error.errno)
"""


@pytest.mark.parametrize("how", ["replaced", "deleted"])
def test_an_object_that_changes_fails_to_be_read(fast, bucket, tmp_path, mounted, how):
    bucket.put(**{"d/a": content(9 * MIB)})
    job = fast.start(WAITS_FOR_A_GO % str(tmp_path / "go"))
    job.wait_for("ready")
    if how == "replaced":
        bucket.put(**{"d/a": content(9 * MIB, 1)})
    else:
        bucket.boto.delete_object(Bucket=bucket.name, Key="d/a")
    (tmp_path / "go").touch()
    code, _, err = job.end()
    assert code == 0, err
    assert "errno 5\n" in fast.s3job.log
    assert f'FastFile: reading "a" fails with an input/output error: cannot get {bucket.uri("d/a")}: ' in err
    assert ("it was replaced meanwhile" if how == "replaced" else "NoSuchKey") in err


@only_moto
def test_a_server_that_dies_is_an_error_of_reads(fast, bucket, server, tmp_path, mounted):
    bucket.put(**{"d/a": content(9 * MIB)})
    gone = []
    plan = lambda random: {"reset_after": 0} if gone else None  # noqa: E731
    with servers.FaultProxy(server, plan) as proxy:
        job = fast.start(WAITS_FOR_A_GO % str(tmp_path / "go"), variables=proxy.environment)
        job.wait_for("ready")
        gone.append(True)
        proxy.drop()
        (tmp_path / "go").touch()
        code, _, err = job.end()
    assert code == 0, err
    assert "errno 5\n" in fast.s3job.log
    assert "FastFile: reading" in err


STALLED = """
    print('ready', flush=True)
    open('a', 'rb').read()
"""


@only_moto
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGKILL])
def test_the_end_does_not_wait_for_a_read(fast, bucket, server, mounted, number):
    bucket.put(**{"d/a": content(30 * MIB)})
    # Listing comes first; what is read stalls.
    with servers.FaultProxy(server, lambda random: {"stall_after": 20_000}) as proxy:
        job = fast.start(STALLED, variables=proxy.environment)
        job.wait_for("ready")
        before = time.monotonic()
        until = before + DEADLINE
        while proxy.requests < 2 and time.monotonic() < until:
            time.sleep(0.05)
        job.send(number)
        if number == signal.SIGKILL:
            job.process.wait()
            # Every process of the job holds our end of stderr: the end comes without them.
            job.process.stderr.read()
        else:
            code, _, err = job.end()
            assert code == 130, err
            assert fast.s3job.record["TrainingJobStatus"] == "Stopped"
    assert time.monotonic() - before < 60
    assert bucket.name not in pathlib.Path("/proc/self/mountinfo").read_text()
    assert "fuse.berth" not in pathlib.Path("/proc/self/mountinfo").read_text()


@only_moto
def test_a_killed_reader_ends_at_once_and_others_go_on(fast, bucket, server, mounted):
    bucket.put(**{"d/a": content(MIB), "d/b": content(9 * MIB)})
    state = []
    plan = lambda random: {"stall_after": 0} if state else None  # noqa: E731
    with servers.FaultProxy(server, plan) as proxy:
        job = fast.start("""
            import subprocess, time
            print(len(open('a', 'rb').read()), flush=True)
            print('ready', flush=True)
            while not os.path.exists(%r): pass
            reader = subprocess.Popen(['dd', 'if=b', 'of=/dev/null', 'iflag=direct', 'bs=1M'])
            while not os.path.exists(%r): pass
            reader.kill()
            print('killed', reader.wait(timeout=15), len(open('a', 'rb').read()))
        """ % (str(fast.s3job.base / "go"), str(fast.s3job.base / "kill")),
            variables=proxy.environment)  # fmt: skip
        job.wait_for("ready")
        state.append(True)
        proxy.drop()
        before = proxy.requests
        (fast.s3job.base / "go").touch()
        until = time.monotonic() + DEADLINE
        while proxy.requests == before and time.monotonic() < until:
            time.sleep(0.05)
        (fast.s3job.base / "kill").touch()
        code, _, err = job.end()
    assert code == 0, err
    assert f"killed -9 {MIB}\n" in fast.s3job.log


@only_moto
def test_an_interrupted_job_mounts_anew(fast, bucket, mounted):
    bucket.put(**{"d/a": content(2 * MIB)})
    arguments = fast.arguments("""
        import signal, time
        print(len(open('a', 'rb').read()), flush=True)
        mark = '/opt/ml/checkpoints/once'
        if not os.path.exists(mark):
            open(mark, 'w').close()
            signal.pause()
        print('again', flush=True)
    """, members={"CheckpointConfig": {"S3Uri": bucket.uri("c")}})  # fmt: skip
    code, _, err = fast.s3job.run(*arguments, "--interrupt-after", "3")
    assert code == 0, err
    assert err.count("to be fetched when they are read") == 2
    assert err.count("FastFile: fetched 2.1 MB of 2.1 MB") == 2


def test_else_it_is_downloaded_before_the_start(fast, bucket, forbidden):
    data = content(2 * MIB)
    bucket.put(**{"d/a": data, "d/b": "2"})
    code, _, err = fast.run("print(sha(open('a', 'rb').read()))", prefix=forbidden)
    assert code == 0, err
    assert hashlib.sha256(data).hexdigest() in fast.s3job.log
    assert re.search(
        r"FastFile is not possible here \(.+\): the data of channel \"train\" is downloaded before "
        r"the start, as in File mode", err)  # fmt: skip
    assert "input data: 2 files, 2.1 MB" in err


@only_moto
def test_without_a_device_it_is_downloaded_before_the_start(fast, bucket, namespaces):
    """A user who may not open /dev/fuse: here it is covered by a file that cannot be a device."""
    bucket.put(**{"d/a": "1"})
    hidden = ("unshare", "--user", "--map-root-user", "--mount", "sh", "-c",
              'mount --bind /dev/null /dev/fuse && exec "$0" "$@"')  # fmt: skip
    if not os.path.exists("/dev/fuse") or subprocess.run([*hidden, "true"], check=False).returncode:
        pytest.skip("/dev/fuse cannot be covered here")
    code, _, err = fast.run("print(open('a').read())", prefix=hidden)
    assert code == 0, err
    assert "FastFile is not possible here (cannot mount through FUSE at " in err
    assert "Invalid argument): the data of channel \"train\" is downloaded before the start" in err
