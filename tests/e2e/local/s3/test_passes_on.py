"""The job reaches S3 as its caller does."""


def test_what_says_how_to_reach_aws(s3job, server):
    names = "AWS_ACCESS_KEY_ID AWS_SECRET_ACCESS_KEY AWS_CA_BUNDLE AWS_PROFILE S3_ENDPOINT_URL AWS_ENDPOINT_URL HOME"
    code, _, err = s3job.run(
        *s3job.code("\n".join(f'echo "{name}=${name}"' for name in names.split())),
        variables={"AWS_CA_BUNDLE": "/ca.pem", "AWS_PROFILE": "p", "AWS_ENDPOINT_URL": "http://e"},
    )
    assert code == 0, err
    assert f"AWS_ACCESS_KEY_ID={server.key}\n" in s3job.log
    assert f"S3_ENDPOINT_URL={server.url}\n" in s3job.log
    assert f"HOME={s3job.base}/home\n" in s3job.log
    for line in ("AWS_CA_BUNDLE=/ca.pem", "AWS_PROFILE=p", "AWS_ENDPOINT_URL=http://e"):
        assert line in s3job.log


def test_no_secret_is_printed(s3job, bucket, server):
    request = s3job.request(OutputDataConfig={"S3OutputPath": "s3://no-such-bucket-anywhere/x"})
    code, out, err = s3job.run(
        request, *s3job.code(""), variables={"AWS_SECRET_ACCESS_KEY": "a-secret-of-ours"}
    )
    assert code == 1
    assert "a-secret-of-ours" not in out + err + (s3job.output / "job.json").read_text()
