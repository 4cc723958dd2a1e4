"""Tells SageMaker, and the person behind it, why a job failed."""

from __future__ import annotations

import sys
import traceback
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_LIMIT = 1024
"""Characters of FailureReason and ExitMessage."""


@contextmanager
def reported_failure(path: Path) -> Iterator[None]:
    """Write an error's reason to `path` and end the process with status 1; its last line on stderr is the reason too.

    The reason stands last since the training toolkit puts the end of stderr into FailureReason when it writes that
    file itself.
    """
    try:
        yield
    except Exception as error:
        traceback.print_exc()
        reason = f"{type(error).__name__}: {error}"
        print(reason, file=sys.stderr)  # noqa: T201 - the job's log is its standard error
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(reason[:_LIMIT])
        raise SystemExit(1) from error
