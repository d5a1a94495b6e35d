"""Archives of code that are larger than this container's settings allow."""

import tarfile


def pack(container, files):
    path = container.base.parent / "code.tar.gz"
    with tarfile.open(path, "w:gz") as archive:
        for name, text in files.items():
            source = container.base.parent / "file"
            source.write_text(text)
            archive.add(source, name)
    container.hyperparameters(sagemaker_program="train.py", sagemaker_submit_directory=str(path))


def test_limits_on_count_and_size_are_settings(container):
    pack(container, {"train.py": "print('ran')", "data": "x" * 5000})
    for name, limit, said in [
        ("BERTH_EXTRACT_MAX_ENTRIES", "1", "more than the allowed 1 entries"),
        ("BERTH_EXTRACT_MAX_BYTES", "4096", "more than the allowed 4096 bytes"),
        ("BERTH_EXTRACT_MAX_BYTES", "4k", "expected a whole number above 0, found \"4k\""),
    ]:
        code, out, _ = container.train(variables={name: limit})
        assert code == 1 and "ran" not in out
        assert said in container.failure and name in container.failure
        assert list((container.base / "code").iterdir()) == []
    code, out, err = container.train(variables={"BERTH_EXTRACT_MAX_ENTRIES": "2"})
    assert code == 0 and "ran" in out, err
