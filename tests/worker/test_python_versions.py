"""The worker runs in the image's own Python, 3.8 and later."""

import ast
import subprocess
import sys

import pytest
import worker_double
from worker_double import ROOT

SOURCES = [ROOT / "python/__main__.py", *sorted((ROOT / "python/berth_worker").rglob("*.py"))]


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: path.stem)
def test_the_syntax_is_that_of_3_8(path):
    ast.parse(path.read_text(), feature_version=(3, 8))


def test_an_old_python_says_so(tmp_path, monkeypatch):
    """Before anything is imported that it does not have."""
    import json
    import runpy
    import socket

    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    monkeypatch.setattr(sys, "version_info", (3, 7, 16))
    monkeypatch.setattr(sys, "argv", ["x", str(theirs.detach())])
    monkeypatch.setitem(sys.modules, "berth_worker", None)
    with pytest.raises(SystemExit):
        runpy.run_path(str(ROOT / "python/__main__.py"), run_name="__main__")
    message = json.loads(ours.recv(65536))
    ours.close()
    assert (message["type"], message["stage"]) == ("failed", "handler")
    assert message["error"] == f"{sys.executable} is Python 3.7: serve needs 3.8 or newer"


def test_only_the_standard_library_is_imported():
    allowed = set(sys.stdlib_module_names) | {"numpy", "scipy", "berth_worker"}
    for path in SOURCES:
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Import):
                names = [alias.name for alias in node.names]
            elif isinstance(node, ast.ImportFrom) and not node.level:
                names = [node.module]
            else:
                continue
            for name in names:
                assert name.partition(".")[0] in allowed, path


def test_the_archive_is_the_same_each_time(tmp_path):
    for name in ("a", "b"):
        command = [sys.executable, ROOT / "cmake/zip_worker.py", ROOT / "python", tmp_path / name]
        subprocess.run(command, check=True)
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()


def test_without_numpy_json_is_plain_python(tmp_path, worker):
    double = worker(
        """
        def model_fn(model_dir): return 1
        def predict_fn(data, model): return {"got": data}
        """,
        environ={"PYTHONPATH": str(without_numpy(tmp_path))},
    )
    assert double.first == {"type": "loaded", "native_decode": [], "numpy": None}
    assert double.ask(b"[1, 2]").json() == {"got": [1, 2]}
    assert double.ask(b"1,2", content_type="text/csv").json() == {
        "error": "ImportError",
        "error-message": "text/csv needs NumPy, which this Python does not have:"
        " add it to requirements.txt",
    }


def without_numpy(folder):
    """A folder that hides NumPy."""
    (folder / "hidden").mkdir()
    (folder / "hidden/numpy.py").write_text("raise ImportError('hidden')")
    return folder / "hidden"


def test_the_double_lays_out_memory_as_the_header_says():
    header = (ROOT / "src/serving/transport/layout.h").read_text()
    sys.path.insert(0, str(ROOT / "python"))
    try:
        from berth_worker import layout
    finally:
        sys.path.pop(0)
    for line in (
        "static_assert(offsetof(RequestDescriptor, shape) == %d);" % layout.REQUEST_SHAPE,
        "static_assert(offsetof(RequestDescriptor, id) == %d);" % layout.REQUEST_ID,
        "kResponseDescriptor = %d;" % layout.RESPONSE_AT,
        "kMaxKept = %d;" % layout.MAX_KEPT,
        "offsetof(ResponseDescriptor, shape) == %d" % (layout.RESPONSE_SHAPE - layout.RESPONSE_AT),
        "offsetof(ResponseDescriptor, begun) == %d" % (layout.RESPONSE_END_AT - layout.RESPONSE_AT),
        "offsetof(ResponseDescriptor, freed) == %d" % (layout.RESPONSE_FREED - layout.RESPONSE_AT),
    ):
        assert line in header, line
    assert layout.RESPONSE.size == 40
    assert layout.RESPONSE_END_AT + layout.RESPONSE_END.size == layout.RESPONSE_FREED
    assert worker_double.HEARTBEAT == layout.HEARTBEAT
