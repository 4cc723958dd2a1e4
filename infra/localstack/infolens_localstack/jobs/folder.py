"""The folder that stands for /opt/ml: filled from S3 before a job, emptied into S3 after it."""

import contextlib
import json
import tarfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from infolens_localstack.jobs.failure import JobFailed

OPT_ML: Final = "/opt/ml"


def local(text: str, root: Path) -> str:
    """Return ``text`` with every /opt/ml in it turned into the job's own folder: a process has no container."""
    return text.replace(OPT_ML, str(root))


def split_uri(uri: str) -> tuple[str, str]:
    """Return bucket and key of ``s3://bucket/key``."""
    bucket, _, key = uri.removeprefix("s3://").partition("/")
    return bucket, key


def download_input(s3: Any, source: Mapping[str, str], target: Path, region: str) -> None:  # noqa: ANN401 (boto3)
    """Copy what an S3DataSource or S3Input names into ``target``: all under a prefix, or what a manifest lists.

    Raises:
        JobFailed: nothing lies there, in SageMaker's words.
    """
    target.mkdir(parents=True, exist_ok=True)
    if source.get("S3DataType", "S3Prefix") == "ManifestFile":
        _download_manifest(s3, source["S3Uri"], target)
    elif download_prefix(s3, source["S3Uri"], target) == 0:
        raise JobFailed(
            f'ClientError: Data download failed:No S3 objects found under S3 URL "{source["S3Uri"]}" given in input '
            f"data source. Please ensure that the bucket exists in the selected region ({region}), that objects exist "
            'under that S3 prefix, and that the role has "s3:ListBucket" permissions on the bucket.'
        )


def download_prefix(s3: Any, uri: str, target: Path) -> int:  # noqa: ANN401 (a boto3 client)
    """Copy every object under ``uri`` (a prefix or one key) into ``target``; return how many (0: no such bucket)."""
    bucket, prefix = split_uri(uri)
    count = 0
    with contextlib.suppress(s3.exceptions.NoSuchBucket):
        for page in s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix):
            for item in page.get("Contents", []):
                if item["Key"].endswith("/"):
                    continue  # a folder marker of the console
                _download(s3, bucket, item["Key"], target / _relative(item["Key"], prefix))
                count += 1
    return count


def _download_manifest(s3: Any, uri: str, target: Path) -> None:  # noqa: ANN401 (a boto3 client)
    """Copy the objects of a manifest: ``[{"prefix": "s3://bucket/pre/"}, "key", ...]``.

    https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_S3DataSource.html
    """
    bucket, key = split_uri(uri)
    try:
        listed = json.loads(s3.get_object(Bucket=bucket, Key=key)["Body"].read())
        start, names = listed[0]["prefix"], listed[1:]
        if not names or not all(isinstance(name, str) for name in names):
            raise JobFailed(f"ClientError: Data download failed:the manifest at {uri} lists no keys after its prefix")
        for name in names:
            bucket, key = split_uri(start + name)
            _download(s3, bucket, key, target / name)
    except (s3.exceptions.ClientError, ValueError, LookupError, TypeError) as error:
        raise JobFailed(f"ClientError: Data download failed:Unable to read the manifest at {uri}: {error}") from error


def _download(s3: Any, bucket: str, key: str, path: Path) -> None:  # noqa: ANN401 (a boto3 client)
    path.parent.mkdir(parents=True, exist_ok=True)
    s3.download_file(bucket, key, str(path))


def upload_tree(s3: Any, source: Path, uri: str) -> None:  # noqa: ANN401 (a boto3 client)
    """Copy every file below ``source`` under ``uri``."""
    bucket, prefix = split_uri(uri)
    for path in sorted(source.rglob("*")):
        if path.is_file():
            key = "/".join(part for part in (prefix.rstrip("/"), path.relative_to(source).as_posix()) if part)
            s3.upload_file(str(path), bucket, key)


def upload_tarball(s3: Any, source: Path, uri: str, scratch: Path) -> None:  # noqa: ANN401 (a boto3 client)
    """Pack what lies in ``source`` into a .tar.gz and put it at ``uri``."""
    packed = scratch / uri.rsplit("/", 1)[-1]
    with tarfile.open(packed, "w:gz") as archive:
        for path in sorted(source.iterdir()):
            archive.add(path, arcname=path.name)
    bucket, key = split_uri(uri)
    s3.upload_file(str(packed), bucket, key)
    packed.unlink()


def _relative(key: str, prefix: str) -> str:
    if key == prefix:
        return key.rsplit("/", 1)[-1]
    if prefix.endswith("/") or key.startswith(prefix + "/"):
        return key[len(prefix) :].lstrip("/")
    return key[prefix.rfind("/") + 1 :]  # the prefix ends inside a name
