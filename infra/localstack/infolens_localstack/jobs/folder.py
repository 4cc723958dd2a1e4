"""The folder that stands for /opt/ml: filled from S3 before a job, emptied into S3 after it."""

import tarfile
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


def download_prefix(s3: Any, uri: str, target: Path, region: str) -> int:  # noqa: ANN401 (a boto3 client)
    """Copy every object under ``uri`` (a prefix or one key) into ``target``; return how many.

    Raises:
        JobFailed: the bucket is missing or nothing lies under the prefix, in SageMaker's words.
    """
    bucket, prefix = split_uri(uri)
    count = 0
    try:
        for page in s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix):
            for item in page.get("Contents", []):
                if item["Key"].endswith("/"):
                    continue  # a folder marker of the console
                path = target / _relative(item["Key"], prefix)
                path.parent.mkdir(parents=True, exist_ok=True)
                s3.download_file(bucket, item["Key"], str(path))
                count += 1
    except s3.exceptions.NoSuchBucket:
        count = 0
    if count == 0:
        raise JobFailed(
            f'ClientError: Data download failed:No S3 objects found under S3 URL "{uri}" given in input data source. '
            f"Please ensure that the bucket exists in the selected region ({region}), that objects exist under that "
            'S3 prefix, and that the role has "s3:ListBucket" permissions on the bucket.'
        )
    return count


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
