"""Names uploads by what they are, so that the same upload seen twice has the same name."""

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
