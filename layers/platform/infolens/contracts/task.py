"""What every folder under `infolens/tasks/` offers; the machinery knows a task only through these shapes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    import numpy as np
    from numpy.typing import NDArray

    from infolens.contracts.bundle import BundleManifest
    from infolens.contracts.evaluation import Direction
    from infolens.rows.few_texts import FewTexts
    from infolens.rows.utf8_cells import Utf8Cells


class RowRejected(ValueError):  # noqa: N818 - it is an answer about a row, not a fault of the program
    """A row or an input that cannot be taken, with the field and the limit in words."""

    def __init__(self, field: str, reason: str) -> None:
        """Keep the offending `field` ("" when it is the row as a whole) and the `reason`."""
        super().__init__(f"{field}: {reason}" if field else reason)
        self.field = field
        self.reason = reason


Column: TypeAlias = "list[object] | Utf8Cells | FewTexts"
"""Clean values of one field; texts may be held as UTF-8, and those that come again and again each once."""


@dataclass(frozen=True)
class CleanBlock:
    """What became of a block of rows: each row is either kept or rejected, so len(kept) + len(rejected) is its size."""

    kept: list[int]
    """Positions in the block of the rows that passed, ascending."""
    values: Mapping[str, Column]
    """Name of each of `Schema.columns`, in their order -> its values of the kept rows."""
    digests: list[bytes]
    """Digest of each kept row's identity, 32 bytes, see `infolens.rows.split.digest_of`; equal ones are duplicates."""
    splits: Sequence[str]
    """Split of each kept row."""
    rejected: list[tuple[int, str, str]]
    """Position, field and reason of the rows that were rejected, as `RowRejected` has them, ascending."""


class Schema(Protocol):
    """The rows of a task: what its files may be called and hold, and what a clean row is. Pure."""

    @property
    def task(self) -> str:
        """Name of the task, equal to its folder's name."""

    @property
    def columns(self) -> Mapping[str, str]:
        """Fields of a clean row in order, name -> Arrow type name ("string", "int64", "double", "list<int64>")."""

    @property
    def label(self) -> str:
        """The field of a clean row that is the label, or "" when a task has none."""

    @property
    def bad_row_budget(self) -> float:
        """Share of rejected rows past which a whole file is refused."""

    def bind(self, header: Sequence[str], *, labelled: bool) -> Mapping[str, int]:
        """Find the needed columns in a CSV header (any case, any order, any known name) -> position.

        Raises:
            RowRejected: a needed column is missing or named twice; the reason lists the names that would do.
        """

    def clean(self, raw: Mapping[str, str]) -> dict[str, object]:
        """Turn one labelled CSV row (bound names -> text) into a clean row.

        Raises:
            RowRejected: with the field and the limit.
        """

    def clean_block(self, columns: Mapping[str, Sequence[str]]) -> CleanBlock:
        """Turn the labelled CSV rows of a block (bound name -> cells, all of one length) into clean rows.

        The outcome is what `clean`, `identity` and `split` say of each row, which `infolens.rows.row_blocks.clean_each`
        spells out; a task may only be quicker.
        """

    def check(self, payload: Mapping[str, object]) -> dict[str, object]:
        """Turn one input of the API, or one unlabelled CSV row, into what the predictor takes.

        Raises:
            RowRejected: with the field and the limit.
        """

    def identity(self, row: Mapping[str, object]) -> str:
        """Normalised content of a clean row: equal identities are duplicates."""

    def split(self, row: Mapping[str, object]) -> str:
        """Say which split a clean row belongs to for ever, see `infolens.rows.split`; equal identities share one.

        Rows that say something about each other (all of one user) share a split too. `BY_TIME` leaves it to the task's
        examples.
        """


class Predictor(Protocol):
    """A loaded bundle."""

    def predict(self, inputs: Sequence[Mapping[str, object]]) -> list[dict[str, object]]:
        """Answer checked inputs in order; the answers are JSON-ready."""

    def scores(self, inputs: Sequence[Mapping[str, object]]) -> NDArray[np.float32]:
        """Raw model outputs for parity, shape (inputs, outputs)."""


class LoadPredictor(Protocol):
    """`tasks/<task>/predict.py: load`."""

    def __call__(self, directory: Path, manifest: BundleManifest) -> Predictor:
        """Open the bundle in `directory`, whose digest has been checked."""


@dataclass(frozen=True)
class Case:
    """One behavioural case of `tasks/<task>/cases.py: CASES`, written by us; no row of any data set."""

    suite: str
    """What it probes, for example "negation"; a suite is reported, and held to gates, as slice `cases=<suite>`."""
    example: Mapping[str, object]
    """As `tasks/<task>/examples.py` gives them: the input, and the truth that `metrics.evaluate` needs."""


@dataclass(frozen=True)
class Search:
    """What a tuning job may vary, `tasks/<task>/search.py: SEARCH` (S0-28)."""

    objective: str
    """A metric that training prints (`infolens.ml.metric_lines`), for example "validation_macro_f1"."""
    direction: Direction
    parameters: Mapping[str, tuple[float | int | str, ...]]
    """Fields of the task's training profile -> values to try; a grid takes all combinations."""
