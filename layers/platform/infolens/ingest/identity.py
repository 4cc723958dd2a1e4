"""Names uploads and rows by what they are, so that the same thing seen twice has the same name."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from infolens.contracts.dataset import UploadRef

_UPLOAD_ID_LENGTH = 24
"""Hex digits, 96 bits: short enough for a log line, and 10^9 uploads collide with a chance of 10^-11."""


def upload_id_of(source: UploadRef) -> str:
    """Give the id of one uploaded object: the same bucket, key and version give the same id."""
    text = f"{source.bucket}/{source.key}/{source.version}"
    return hashlib.sha256(text.encode()).hexdigest()[:_UPLOAD_ID_LENGTH]


def row_digest(identity: str) -> bytes:
    """Hash a row's identity (32 bytes); a Parquet part keeps it as hex in the column `identity`."""
    return hashlib.sha256(identity.encode()).digest()
