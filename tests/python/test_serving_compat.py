"""sagemaker_inference and sagemaker_containers serve on berth: the handlers, services and frameworks of
existing images, each server started as its image would."""

import contextlib
import http.client
import json
import os
import pathlib
import select
import signal
import subprocess
import textwrap

import pytest

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
BERTH = os.environ.get("BERTH", str(ROOT / "build" / "bin" / "berth"))
PATIENCE = 60  # seconds

HANDLER = """
    def model_fn(model_dir):
        return model_dir

    def predict_fn(data, model):
        return data * 2
"""


def interpreter(name):
    path = ROOT / "build" / name / "bin" / "python"
    assert path.exists(), f"{path} is missing: run `scripts/bootstrap`"
    return path


def environment(base, **more):
    kept = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("SM_", "SAGEMAKER_", "BERTH_", "AWS_", "CUDA_", "PYTHON"))
    }
    path = [ROOT / "python" / "compat", ROOT / "build" / "python"]
    return {
        **kept,
        "SAGEMAKER_BASE_DIR": str(base),
        "SAGEMAKER_BIND_TO_PORT": "0",
        "SAGEMAKER_MODEL_SERVER_WORKERS": "1",
        "PYTHONPATH": os.pathsep.join(map(str, path)),
        "BERTH_BINARY": BERTH,
        "OMP_NUM_THREADS": "1",
        **more,
    }


def image(base, **files):
    """/opt/ml with a model's code: name -> text."""
    code = base / "model" / "code"
    code.mkdir(parents=True)
    (base / "code").mkdir()
    for name, text in files.items():
        (code / f"{name}.py").write_text(textwrap.dedent(text))
    return base


class Server:
    """A Python that starts a server and is ready; `port` is the server's."""

    def __init__(self, process, port):
        self.process = process
        self.port = port

    def ask(self, body=b"", method="POST", path="/invocations", **headers):
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=PATIENCE)
        with contextlib.closing(connection):
            named = {name.replace("_", "-"): value for name, value in headers.items()}
            connection.request(method, path, body, named)
            response = connection.getresponse()
            return response.status, response.getheader("Content-Type"), response.read()

    def stop(self):
        """As the platform does; what the Python has printed."""
        self.process.send_signal(signal.SIGTERM)
        output, _ = self.process.communicate(timeout=PATIENCE)
        return self.process.returncode, output


@contextlib.contextmanager
def serving(base, text, python="venv", **variables):
    """Runs `text`, which starts a server."""
    reader, writer = os.pipe()
    with open(reader, "rb") as ready:
        process = subprocess.Popen(
            [interpreter(python), "-c", textwrap.dedent(text)],
            env=environment(base, BERTH_READY_FD=str(writer), **variables),
            cwd=base,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            pass_fds=(writer,),
        )
        os.close(writer)
        try:
            arrived, _, _ = select.select([ready], [], [], PATIENCE)
            port = ready.readline() if arrived else b""
            if not port:
                process.kill()
                raise AssertionError(process.communicate(timeout=PATIENCE)[0])
            yield Server(process, int(port))
        finally:
            if process.poll() is None:
                process.terminate()
            process.communicate(timeout=PATIENCE)


def failing(base, text, python="venv", **variables):
    """What a Python says whose server does not come up."""
    done = subprocess.run(
        [interpreter(python), "-c", textwrap.dedent(text)],
        env=environment(base, **variables),
        cwd=base,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=PATIENCE,
    )
    assert done.returncode == 1, done.stdout
    return done.stdout


START = "from sagemaker_inference import model_server; model_server.start_model_server(%s); print('ended')"


def test_the_default_service_is_berths_server(tmp_path):
    image(tmp_path, inference=HANDLER)
    # What has called start_model_server() in such images is not what is to be served.
    with serving(tmp_path, START % "", SAGEMAKER_SERVING_MODULE="inference:main") as server:
        told = server.ask(b"[1, 2.5]", Content_Type="application/json")
        assert told == (200, "application/json", b"[2.0, 5.0]")
        told = server.ask(b"1,2", Content_Type="text/csv", Accept="text/csv")
        assert told == (200, "text/csv", b"2\n4\n")
        assert server.ask(b"1", Content_Type="x/y")[0] == 415
        code, output = server.stop()
    assert code == 0
    assert output.endswith("ended\n"), output


def test_a_server_ends_with_the_python_that_started_it(tmp_path):
    image(tmp_path, inference=HANDLER)
    with serving(tmp_path, START % "") as server:
        assert server.ask(b"[1]", Content_Type="application/json")[0] == 200
        server.process.kill()
        # To the end of file: nobody has it open any more.
        server.process.communicate(timeout=PATIENCE)


def test_a_frameworks_service(tmp_path):
    """A module with one class of its own: what multi-model-server takes."""
    image(
        tmp_path,
        handlers="""
        from sagemaker_inference.default_inference_handler import DefaultInferenceHandler

        class Handler(DefaultInferenceHandler):
            def default_model_fn(self, model_dir, context=None):
                assert model_dir == context.system_properties["model_dir"]
                return "default"

            def default_predict_fn(self, data, model, context=None):
                context.set_response_header(0, "X-Model", model)
                return [context.get_request_header(0, "x-mark"), data]
        """,
        service="""
        from handlers import Handler
        from sagemaker_inference.default_handler_service import DefaultHandlerService
        from sagemaker_inference.transformer import Transformer

        class HandlerService(DefaultHandlerService):
            def __init__(self):
                DefaultHandlerService.__init__(self, Transformer(Handler()))
        """,
        inference="""
        def input_fn(data, content_type):
            return int(data)
        """,
    )
    with serving(tmp_path, START % "'service'") as server:
        told = server.ask(b"7", Content_Type="text/csv", X_Mark="m")
        assert told == (200, "application/json", b'["m", 7]')
        status, _, body = server.ask(b"no number", Content_Type="text/csv")
        assert status == 500
        assert body.startswith(b"invalid literal for int() with base 10: 'no number'\nTraceback")
        assert server.ask(path="/other")[0] == 404
        assert server.ask(b"", method="PUT")[0] == 405
        assert server.ask(method="GET", path="/ping")[0] == 200
        code, output = server.stop()
    assert code == 0, output


def test_a_service_that_is_a_function(tmp_path):
    image(
        tmp_path,
        functions="""
        loaded = []

        def answer(data, context):
            if data is None:
                loaded.append(context.system_properties["model_dir"])
                return None
            body = data[0]["body"]
            if body == b"wrong":
                context.set_response_status(code=422, phrase="as you say", idx=0)
            if body == b"bytes":
                context.set_response_content_type(0, "x/y")
                return [b"\\xff"]
            if body == b"two":
                return [1, 2]
            return [{"loaded": len(loaded), "id": context.get_request_id(0), "size": len(body)}]
        """,
    )
    with serving(tmp_path, START % "'functions:answer'") as server:
        told = server.ask(b"abc", X_Amzn_SageMaker_Inference_Id="r-1")
        assert told[2] == b'{\n  "loaded": 1,\n  "id": "r-1",\n  "size": 3\n}'
        connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=PATIENCE)
        with contextlib.closing(connection):
            connection.request("POST", "/invocations", b"abc")
            response = connection.getresponse()
            # As in the access log.
            assert json.loads(response.read())["id"] == response.getheader("X-Request-Id")
        assert server.ask(b"wrong")[0] == 422
        assert server.ask(b"bytes") == (200, "x/y", b"\xff")
        assert server.ask(b"abc")[0] == 200  # the status of another request is not this one's
        status, _, body = server.ask(b"two")
        assert status == 500
        assert b"a service returns a list with one result for each request" in body


# As images have it that are made after the toolkit's own example.
HANDLER_FILE = """
    class ModelHandler(object):
        def __init__(self):
            self.initialized = False

        def initialize(self, context):
            self.initialized = True
            properties = context.system_properties
            assert properties.get("gpu_id") is None
            self.name = properties.get("model_dir").rpartition("/")[2]

        def handle(self, data, context):
            return [self.name + ": " + data[0].get("body").decode()]

    _service = ModelHandler()

    def handle(data, context):
        if not _service.initialized:
            _service.initialize(context)
        if data is None:
            return None
        return _service.handle(data, context)
"""


def test_a_service_by_its_path(tmp_path):
    image(tmp_path)
    (tmp_path / "server").mkdir()
    (tmp_path / "server/model_handler.py").write_text(textwrap.dedent(HANDLER_FILE))
    with serving(tmp_path, START % repr(f"{tmp_path}/server/model_handler.py:handle")) as server:
        assert server.ask(b"hello")[::2] == (200, b"model: hello")


@pytest.mark.parametrize(
    "text, told",
    [
        ("", "'odd' should have one class with `handle`, or a function handle(data, context); it has the classes none"),
        ("class A: pass\nclass B: pass", "it has the classes A, B"),
        ("raise OSError('no weights')", "OSError: no weights"),
    ],
)
def test_a_service_that_cannot_be_loaded_ends_the_server(tmp_path, text, told):
    image(tmp_path, odd=text)
    output = failing(tmp_path, START % "'odd'")
    assert told in output
    assert output.splitlines()[-1] == (
        "RuntimeError: the model server ended with exit code 2: what was wrong stands above"
    )


def test_several_models_are_refused(tmp_path):
    output = failing(image(tmp_path), START % "", SAGEMAKER_MULTI_MODEL="true")
    assert output.splitlines()[-1] == (
        "NotImplementedError: SAGEMAKER_MULTI_MODEL=true: Berth's server serves one model; unset the"
        " variable, or keep multi-model-server and the original package"
    )


FRAMEWORK = """
    from sagemaker_containers.beta.framework import env, modules, transformer, worker

    def default_model_fn(model_dir):
        return 3

    def predict_fn(data, model):
        return data * model

    made = None

    def main(environ, start_response):
        global made
        if made is None:
            serving_env = env.ServingEnv()
            user = None
            if serving_env.module_name:
                user = modules.import_module(serving_env.module_dir, serving_env.module_name)
            own = transformer.Transformer(
                model_fn=getattr(user, "model_fn", default_model_fn),
                predict_fn=getattr(user, "predict_fn", predict_fn))
            made = worker.Worker(
                transform_fn=own.transform, initialize_fn=own.initialize, module_name="framework")
        return made(environ, start_response)
"""


def framework(base):
    """An image whose framework lies beside what starts the server."""
    image(base)
    (base / "my_framework.py").write_text(textwrap.dedent(FRAMEWORK))


# With Flask 1.1 and 3.1, and with none.
@pytest.mark.parametrize("python", ["venv-sagemaker-containers", "venv", "venv-sagemaker-inference"])
def test_a_frameworks_worker(tmp_path, python):
    framework(tmp_path)
    start = "from sagemaker_containers.beta.framework import server; server.start('my_framework:main'); print('ended')"
    with serving(tmp_path, start, python) as server:
        told = server.ask(b"[1, 2]", Content_Type="application/json")
        assert told == (200, "application/json", b"[3, 6]")
        status, kind, body = server.ask(b"1,2", Content_Type="text/csv", Accept="text/csv")
        assert (status, kind.partition(";")[0], body) == (200, "text/csv", b"3.0\n6.0\n")
        assert server.ask(b"1", Content_Type="x/y")[0] == 415
        assert server.ask(b"1", Content_Type="application/json", Accept="x/y")[0] == 406
        assert server.ask(b"no json", Content_Type="application/json")[0] == 500
        assert server.ask(b"1", path="/other")[0] == 404
        code, output = server.stop()
    assert code == 0, output
    assert output.endswith("ended\n"), output


def test_the_command_serve_of_an_image(tmp_path):
    """With a module of the user's, which is installed."""
    framework(tmp_path)
    (tmp_path / "code" / "user.py").write_text("def model_fn(model_dir):\n    return 5\n")
    installed = tmp_path / "installed"
    installed.mkdir()
    variables = {
        "SAGEMAKER_PROGRAM": "user.py",
        "SAGEMAKER_SUBMIT_DIRECTORY": str(tmp_path / "code"),
        "SAGEMAKER_SERVING_MODULE": "my_framework:main",
        # Not into the environment that the tests run in.
        "PIP_TARGET": str(installed),
        "PYTHONPATH": os.pathsep.join([str(installed), environment(tmp_path)["PYTHONPATH"]]),
    }
    serve = "from sagemaker_containers.cli import serve; serve.main()"
    with serving(tmp_path, serve, **variables) as server:
        assert server.ask(b"[1]", Content_Type="application/json")[2] == b"[5]"
    assert (installed / "user.py").exists()
    assert failing(tmp_path, serve).splitlines()[-1] == (
        "ValueError: there is no application to serve: set SAGEMAKER_SERVING_MODULE to module:application"
    )


def python(text, name="venv", **variables):
    done = subprocess.run(
        [interpreter(name), "-c", textwrap.dedent(text)],
        env=environment("/nowhere", **variables),
        capture_output=True,
        text=True,
        timeout=PATIENCE,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_importing_loads_nothing_that_is_slow(tmp_path):
    (tmp_path / "code").mkdir()
    text = """
        import sys
        import sagemaker_inference
        from sagemaker_inference import (
            content_types, decoder, default_handler_service, default_inference_handler, encoder,
            environment, errors, model_server, parameters, transformer, utils)
        from sagemaker_containers import (
            _content_types, _encoders, _serving_env, _server, _transformer, _worker)
        from sagemaker_training import content_types, encoders, recordio
        slow = {"numpy", "scipy", "flask", "subprocess", "json", "berth._core", "inspect", "csv"}
        print(sorted(slow & sys.modules.keys()))
    """
    assert python(text, SAGEMAKER_BASE_DIR=str(tmp_path)) == "[]\n"


PICKLED = """
    import io, sys
    import numpy
    from sagemaker_inference import decoder
    from sagemaker_training import encoders
    stream = io.BytesIO()
    numpy.save(stream, numpy.array([None, {}], object))
    for decode in (decoder.decode, encoders.decode):
        try:
            print(decode(stream.getvalue(), "application/x-npy").tolist())
        except ValueError as error:
            print(error)
    # By its name it is the caller's to know where the bytes are from.
    print(encoders.npy_to_numpy(stream.getvalue()).tolist())
"""


def test_pickled_arrays_are_refused_where_requests_are_decoded():
    refused = (
        "the NPY data holds pickled Python objects, or is no NPY file: loading a pickle runs code of its"
        " sender's choice; send an array of numbers, or set BERTH_ALLOW_PICKLED_ARRAYS=true where every"
        " sender is trusted\n"
    )
    assert python(PICKLED) == refused * 2 + "[None, {}]\n"
    assert python(PICKLED, BERTH_ALLOW_PICKLED_ARRAYS="true") == "[None, {}]\n" * 3


def test_masked_elements_are_written_as_nan():
    text = """
        import numpy
        from berth import _core
        from sagemaker_training.encoders import array_to_recordio_protobuf as write
        masked = numpy.ma.masked_array([[1.5, 2.0]], [[False, True]])
        (features, labels) = _core.recordio_decode(write(masked, masked[0, :1]))
        print(features, labels)
    """
    assert python(text) == "[[1.5 nan]] [1.5]\n"
