"""Gives the same requests to berth's `serve` and to a reference server's code."""

import concurrent.futures
import dataclasses
import http.client
import json
import os
import pathlib
import re
import shutil
import subprocess
import sys
import threading

from serving_rules import Answer
from worker_double import Double

HERE = pathlib.Path(__file__).parent
HANDLERS = HERE / "handlers"
PATIENCE = 60  # seconds


class Server:
    """`serve` with one worker and one of the handlers."""

    def __init__(self, berth, folder, module):
        self.log = open(folder / f"{module}.log", "w+")
        self.process = subprocess.Popen(
            [pathlib.Path(berth).with_name("serve")],
            stdin=subprocess.DEVNULL,
            stdout=self.log,
            stderr=subprocess.PIPE,
            text=True,
            errors="replace",
            # The worker's interpreter is the tests' own.
            env={
                "PATH": f"{pathlib.Path(sys.executable).parent}:{os.environ['PATH']}",
                "SAGEMAKER_BASE_DIR": str(folder),
                "SAGEMAKER_PROGRAM": f"{module}.py",
                "SAGEMAKER_MODEL_SERVER_WORKERS": "1",
                "SAGEMAKER_BIND_TO_PORT": "0",
                "OMP_NUM_THREADS": "1",
            },
        )
        self.port = 0
        for line in self.process.stderr:
            self.log.write(line)
            if "listening on port" in line:
                self.port = int(line.rsplit(" ", 1)[1])
            if "ready, with" in line:
                break
        else:
            raise AssertionError(f"serve ended: see {self.log.name}")
        self.drain = threading.Thread(target=lambda: self.log.writelines(self.process.stderr))
        self.drain.start()
        self.connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=PATIENCE)

    def ask(self, case):
        self.connection.request("POST", "/invocations", case.body, {"Accept-Encoding": "identity", **case.headers()})
        response = self.connection.getresponse()
        body = response.read()
        return Answer(response.status, response.getheader("Content-Type"), body, response.getheader("X-Made"))

    def close(self):
        self.connection.close()
        self.process.terminate()
        assert self.process.wait(PATIENCE) == 0
        self.drain.join()
        self.log.close()


class Servers:
    """One for each handler, from its first request on."""

    def __init__(self, berth, folder):
        self.berth = berth
        self.folder = folder
        shutil.copytree(HANDLERS, folder / "model" / "code", ignore=shutil.ignore_patterns("__pycache__"))
        self.of = {}

    def start(self, modules):
        """These at once."""
        with concurrent.futures.ThreadPoolExecutor(4) as pool:
            started = pool.map(lambda module: Server(self.berth, self.folder, module), modules)
            self.of.update(zip(modules, started, strict=True))

    def ask(self, case):
        if case.module not in self.of:
            self.start([case.module])
        return self.of[case.module].ask(case)

    def close(self):
        for server in self.of.values():
            server.close()


class Doubles:
    """The worker alone, for each handler, with nothing decoded or encoded by the server."""

    def __init__(self, folder, modules):
        def start(module):
            (folder / module / "model").mkdir(parents=True)
            code = folder / module / "model" / "code"
            shutil.copytree(HANDLERS, code, ignore=shutil.ignore_patterns("__pycache__"))
            double = Double(folder / module, None, {"OMP_NUM_THREADS": "1"}, module=module, native=False)
            assert double.first["type"] == "loaded" and not double.first["native_decode"], double.first
            return double

        with concurrent.futures.ThreadPoolExecutor(4) as pool:
            self.of = dict(zip(modules, pool.map(start, modules), strict=True))

    def ask(self, case):
        response = self.of[case.module].ask(
            case.body, content_type=case.content_type or "", accept=case.accept or "", headers=case.headers().items()
        )
        headers = dict(response.headers)
        return Answer(response.status, headers["Content-Type"], response.body, headers.get("X-Made"))

    def close(self):
        for double in self.of.values():
            double.close()


class Driver:
    """A reference at work on all cases; answers() waits for it."""

    def __init__(self, interpreter, package, folder, cases):
        self.home = folder / package
        self.home.mkdir()
        (self.home / "cases").write_text("".join(case.line() + "\n" for case in cases))
        self.log = open(self.home / "log", "w+")
        self.process = subprocess.Popen(
            [interpreter, HERE / "serving_driver.py", package, HANDLERS, self.home / "cases", self.home / "answers"],
            stdin=subprocess.DEVNULL,
            stdout=self.log,
            stderr=self.log,
            env={
                "PATH": os.environ["PATH"],
                "HOME": str(self.home),
                "SAGEMAKER_BASE_DIR": str(self.home / "opt-ml"),
                "PYTHONDONTWRITEBYTECODE": "1",
                "PYTHONUTF8": "1",
                "AWS_EC2_METADATA_DISABLED": "true",
                "AWS_DEFAULT_REGION": "us-east-1",
            },
        )

    def answers(self):
        code = self.process.wait(600)
        self.log.seek(0)
        assert code == 0, self.log.read()[-4000:]
        self.log.close()
        return [json.loads(line) for line in (self.home / "answers").read_text().splitlines()]


def error_of(answer):
    """(class, message) of one of berth's error bodies."""
    fields = json.loads(answer.body)
    assert set(fields) == {"error", "error-message"} and "Traceback" not in fields["error-message"], fields
    return fields["error"], fields["error-message"]


def same_text(*texts):
    """But for addresses of objects."""
    first, second = (re.sub("0x[0-9a-f]+", "0x", text) for text in texts)
    return first == second


def comparable(answer):
    """A long double has bytes that nobody sets: of arrays of them, header and length are compared."""
    if isinstance(answer.body, bytes) and answer.body.startswith(b"\x93NUMPY") and b"f16" in answer.body[:400]:
        header, end, data = answer.body.partition(b"\n")
        return dataclasses.replace(answer, body=header + end + b" " * len(data))
    return answer


def difference(wanted, ours):
    """What is wrong with `ours`, or None."""
    if isinstance(wanted.body, bytes):
        return None if comparable(ours) == comparable(wanted) else f"wanted {wanted}\n   found {ours}"
    if (ours.status, ours.type) == (wanted.status, wanted.type):
        error, message = error_of(ours)
        if wanted.body[0] in (None, error) and (wanted.body[1] is None or same_text(wanted.body[1], message)):
            return None
    return f"wanted {wanted}\n   found {ours}"
