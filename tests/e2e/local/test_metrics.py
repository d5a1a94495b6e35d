"""Metrics: every match, the last of each, and a curve."""


def test_are_recorded_and_drawn(local):
    code, out, err = local.run(
        *local.code("for i in 5 3 1; do echo epoch loss=0.$i acc: $i%; done"),
        "--metric", "train:loss=loss=([0-9.]+)", "--metric", r"acc=acc: (\d+)%",
        "--metric", "never=nothing (.)",
        variables={"LC_ALL": "C.UTF-8"},
    )  # fmt: skip
    assert code == 0, err
    assert [m["Value"] for m in local.metrics if m["MetricName"] == "train:loss"] == [0.5, 0.3, 0.1]
    times = [m["Timestamp"] for m in local.metrics]
    assert times == sorted(times) and len(times) == 6
    final = {m["MetricName"]: m["Value"] for m in local.record["FinalMetricDataList"]}
    assert final == {"train:loss": 0.1, "acc": 1.0}
    assert "train:loss  first 0.5  last 0.1  min 0.1  max 0.5  (3 values)" in out
    assert "never  no value found in the log" in out
    assert "┤" in out


def test_are_drawn_in_ascii_where_the_locale_is(local):
    code, out, err = local.run(
        *local.code("echo loss=1; echo loss=2"), "--metric", r"loss=loss=(\d)",
        variables={"LC_ALL": "C"},
    )  # fmt: skip
    assert code == 0, err
    assert out.isascii() and "*" in out
