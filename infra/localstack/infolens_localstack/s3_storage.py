"""Keeps the objects of S3 inside the cloud's own folder, so that stopping it leaves nothing behind.

LocalStack writes them to one fixed place below /tmp, shared by every cloud of the machine.
"""

import tempfile
from pathlib import Path
from typing import Final

from localstack.services.s3 import provider

FOLDER: Final = "s3-storage"


def install() -> None:
    """Name another place, before S3 is first used."""
    provider.DEFAULT_S3_TMP_DIR = str(Path(tempfile.gettempdir()) / FOLDER)
