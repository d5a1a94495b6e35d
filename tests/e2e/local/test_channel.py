"""Channels are there, and cannot be changed."""


def test_is_read_only(local, namespaces):
    data = local.data(x="content")
    code, _, err = local.run(
        *local.code("cat $SM_CHANNEL_TRAIN/x; echo no > $SM_CHANNEL_TRAIN/x && exit 3; exit 0"),
        "--channel", f"train={data}",
    )  # fmt: skip
    assert code == 0, err
    assert "content" in local.log
    assert (data / "x").read_text() == "content"
    assert sorted(p.name for p in data.iterdir()) == ["x"]


def test_may_be_one_file(local):
    data = local.data(x="content")
    code, _, err = local.run(
        *local.code("cat $SM_CHANNEL_TRAIN/x"), "--channel", f"train={data}/x"
    )
    assert code == 0, err
    assert "content" in local.log


def test_that_is_missing_is_named(local):
    code, _, err = local.run(*local.code(""), "--channel", "train=nowhere")
    assert code == 2
    assert f'(channel "train"): cannot read "{local.base}/nowhere"' in err
    assert not local.output.exists()
