"""The bucket of the cold-start benchmark answers as S3 does, as far as a download asks."""

import importlib.util
import threading
from pathlib import Path

import boto3
import pytest
from botocore.exceptions import ClientError

from infolens.aws import bundles
from infolens.ml.bundle import verify
from serving_fakes import write_bundle

SCRIPT = Path(__file__).parents[3] / "infra" / "benchmarks" / "cold_start" / "bucket.py"
_spec = importlib.util.spec_from_file_location("cold_start_bucket", SCRIPT)
assert _spec is not None
assert _spec.loader is not None
bucket = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(bucket)


@pytest.fixture
def s3(tmp_path):
    """A client of a bucket over `tmp_path`, without its waits."""
    write_bundle(tmp_path / "b", weights=bytes(range(256)) * 40)
    server = bucket.Bucket(tmp_path, 0.0, 0.0)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield boto3.client(
        "s3",
        endpoint_url=f"http://127.0.0.1:{server.server_address[1]}",
        region_name="us-east-1",
        aws_access_key_id="test",
        aws_secret_access_key="test",
    )
    server.shutdown()
    server.server_close()


def test_a_bundle_in_parts(s3, tmp_path, monkeypatch):
    """What the predict function downloads from it is the bundle, byte for byte, by several ranges."""
    monkeypatch.setattr(bundles, "PART_BYTES", 4096)
    digest = write_bundle(tmp_path / "same", weights=bytes(range(256)) * 40)
    manifest = bundles.download("s3://models/b/", digest, tmp_path / "fetched", s3)
    assert manifest == verify(tmp_path / "fetched", digest)


def test_a_managed_download(s3, tmp_path):
    """What the peer downloads with boto3's transfer is the file."""
    s3.download_file("models", "b/model.onnx", str(tmp_path / "peer"))
    assert (tmp_path / "peer").read_bytes() == bytes(range(256)) * 40


@pytest.mark.parametrize(
    ("asked", "code"), [({"Key": "b/gone"}, "404"), ({"Key": "b/model.onnx", "IfMatch": '"other"'}, "412")]
)
def test_refusals(s3, asked, code):
    """A missing key, and another version than the one that was asked for."""
    with pytest.raises(ClientError) as refused:
        s3.get_object(Bucket="models", **asked)
    assert refused.value.response["Error"]["Code"] == code
