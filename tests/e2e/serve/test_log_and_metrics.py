"""What is to be seen of it: log lines, request ids, metrics."""

import json

import serving_load
from serving_server import until

TALKS = """
import logging, os, sys
logging.basicConfig(level=logging.INFO)
def model_fn(model_dir):
    print("it loads")
    return None
def predict_fn(data, model):
    print("printed", data[0])
    logging.getLogger("mine").info("logged %d\\nin two lines", data[0])
    sys.stderr.write("unfinished")
    os.write(1, b"from C\\n")
    if data[0] < 0:
        raise ValueError("negative")
    return data
"""


def test_request_ids(place):
    server = place.serve(TALKS)
    answer = server.invoke("[7]", "application/json", X_Amzn_SageMaker_Inference_Id="my-id.1")
    assert answer.headers["X-Request-Id"] == "my-id.1"
    for line in ("printed 7", "INFO:mine:logged 7", "in two lines", "unfinished"):
        server.log.wait(rf"INFO  handler +\[worker=\d request=my-id\.1\] {line}\Z")
    server.log.wait(r"INFO  handler +\[worker=\d\] from C\Z")
    server.log.wait(r"INFO  handler +\[worker=\d\] it loads\Z")
    first, second = (server.invoke("[1]", "application/json").headers["X-Request-Id"]
                     for _ in range(2))
    assert first and second and first != second
    # What could not stand in a log line is not taken.
    odd = server.invoke("[1]", "application/json", X_Amzn_SageMaker_Inference_Id="a b\tc" + "x" * 500)
    assert odd.headers["X-Request-Id"] not in ("", "a b\tc" + "x" * 500)


def test_the_access_log(place):
    server = place.serve(TALKS)
    server.invoke("[-1]", "application/json", X_Amzn_SageMaker_Inference_Id="fails")
    server.log.wait(r'ERROR access +\[request=fails\] POST "/invocations" 500 \d+ bytes in, \d+ '
                    r"out, [\d.]+ ms\Z")
    # A line that was not finished and a traceback are two lines.
    server.log.wait(r"\[worker=\d request=fails\] unfinished\Z")
    server.log.wait(r"\[worker=\d request=fails\] Traceback \(most recent call last\):\Z")
    server.invoke("x", "application/unheard-of", X_Amzn_SageMaker_Inference_Id="odd")
    server.log.wait(r'WARN\w* +access +\[request=odd\] POST "/invocations" 415 ')
    server.get("/ping")
    server.invoke("[1]", "application/json")
    assert server.stop() == 0
    assert not [line for line in server.log.lines if '"/ping"' in line]
    assert not [line for line in server.log.lines if '"/invocations" 200 ' in line]


LEVELS = """
import logging, os, sys
log = logging.getLogger("mine")
def model_fn(model_dir):
    log.info("loaded v7")
def predict_fn(data, model):
    for i in range(20):
        print("line", 2 * i)
        print("line", 2 * i + 1, file=sys.stderr)
    log.warning("odd")
    os.write(1, b"progress 10%")
    print("behind it")
    raise ValueError("no")
"""


def test_a_workers_lines_have_their_order_and_their_levels(place):
    server = place.serve(LEVELS, SAGEMAKER_MODEL_SERVER_WORKERS="1")
    server.log.wait(r"INFO  handler +\[worker=0\] mine: loaded v7\Z")
    server.invoke("[1]", "application/json", X_Amzn_SageMaker_Inference_Id="it")
    server.log.wait(r"ERROR handler +\[worker=0 request=it\] ValueError: no\Z")
    lines = [line.partition("] ")[2] for line in server.log.lines if "request=it] line" in line]
    assert lines == [f"line {i}" for i in range(40)]
    server.log.wait(r"WARN  handler +\[worker=0 request=it\] mine: odd\Z")
    server.log.wait(r"INFO  handler +\[worker=0\] progress 10%\Z")
    server.log.wait(r"INFO  handler +\[worker=0 request=it\] behind it\Z")
    server.log.wait(r"ERROR handler +\[worker=0 request=it\] Traceback ")


def test_refused_requests_are_logged_with_the_reason(place):
    server = place.serve(TALKS, SAGEMAKER_MAX_PAYLOAD_IN_MB="1")
    assert server.get("/nope").status == 404
    server.log.wait(r'WARN  access +\[request=\w+\] GET "/nope" 404 .* ms: there is no "/nope": ')
    assert server.request("DELETE", "/ping").status == 405
    server.log.wait(r'WARN  access +\[request=\w+\] DELETE "/ping" 405 .*: /ping answers GET, ')
    server.exchange(b"POST /invocations HTTP/1.1\nHost: h\n\n")
    server.log.wait(r'WARN  access +\[request=\w+\] - "" 400 .* ms: a line ')
    assert server.invoke(b"x" * (2 << 20), "x/y").status == 413
    server.log.wait(r'"/invocations" 413 .*: at most 1048576 bytes \(SAGEMAKER_MAX_PAYLOAD_IN_MB\)')
    metrics = server.metrics()
    for status in (400, 404, 405, 413):
        assert metrics["berth_requests_total", f"code={status}"] == 1


def test_json_log(place):
    server = place.handler(TALKS).server(BERTH_LOG_FORMAT="json", SAGEMAKER_CONTAINER_LOG_LEVEL="10")
    server.start()
    server.port = int(server.log.wait(r"listening on port (\d+)")[1])
    server.log.wait("ready, with 2 workers")
    server.invoke("[7]", "application/json", X_Amzn_SageMaker_Inference_Id="my-id")
    assert server.stop() == 0
    lines = [json.loads(line) for line in server.log.lines]
    assert all({"time", "level", "component", "message"} <= set(line) for line in lines)
    (printed,) = [line for line in lines if line["message"] == "printed 7"]
    assert printed["component"] == "handler"
    assert printed["request"] == "my-id" and printed["worker"] in ("0", "1")
    (access,) = [line for line in lines if line["component"] == "access"
                 and '"/invocations"' in line["message"]]
    assert access["request"] == "my-id"


def test_metrics_agree_with_what_was_sent(place):
    server = place.serve()
    count = 500
    bodies = [b"raises x" if i % 10 == 0 else b"echo %d" % i for i in range(count)]
    load = serving_load.run(serving_load.Load(server.port, bodies))
    assert load.statuses == {200: count * 9 // 10, 500: count // 10}
    for _ in range(7):
        assert server.get("/none").status == 404
        server.get("/ping")
    metrics = server.metrics()
    assert metrics["berth_requests_total", "code=200"] == count * 9 // 10
    assert metrics["berth_requests_total", "code=500"] == count // 10
    assert metrics["berth_request_seconds_count", ""] == count
    assert metrics["berth_request_seconds_bucket", "le=+Inf"] == count
    for phase in ("queue", "predict"):
        assert metrics["berth_request_phase_seconds_count", f"phase={phase}"] == count
    buckets = [number for (name, _), number in metrics.items()
               if name == "berth_request_seconds_bucket"]
    assert buckets == sorted(buckets)
    assert metrics["berth_received_bytes_total", ""] >= sum(map(len, bodies))
    assert metrics["berth_sent_bytes_total", ""] >= sum(len(body) for _, body in load.answers)
    assert metrics["berth_queue_length", ""] == 0
    assert metrics["berth_ready", ""] == 1
    until(lambda: server.metrics()["berth_connections", ""] == 1, "only ours is open")
    for worker in ("0", "1"):
        assert metrics["berth_worker_resident_bytes", f"worker={worker}"] > 1 << 20
