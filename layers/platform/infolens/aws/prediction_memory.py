"""Remembers under its id what was answered, so that the same request again gets the same answer, from DynamoDB.

Powertools' idempotency does the work: a conditional put takes the id, a hash of the text guards it, and an id whose
holder died is free again after `_HOLD_SECONDS`. The text itself is not kept.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol, cast

import boto3
from aws_lambda_powertools.utilities.idempotency import (
    DynamoDBPersistenceLayer,
    IdempotencyConfig,
    idempotent_function,
)
from aws_lambda_powertools.utilities.idempotency.exceptions import (
    IdempotencyAlreadyInProgressError,
    IdempotencyInconsistentStateError,
    IdempotencyPersistenceLayerError,
    IdempotencyValidationError,
)
from botocore.config import Config

if TYPE_CHECKING:
    from collections.abc import Callable

    from aws_lambda_powertools.utilities.typing import LambdaContext

KEEP_DAYS = 30
"""Days that an answer is remembered; afterwards its id is free."""

_HOLD_SECONDS = 30
"""An id is held at most so long by a request that never ended; no request of the API runs longer."""

_PREFIX = "predict"
"""First part of every key: another route that remembers takes another one."""

# The caller waits for this beside the models: a table that does not answer at once is asked once more, and no longer.
_CONFIG = Config(connect_timeout=1, read_timeout=1, retries={"mode": "standard", "total_max_attempts": 2})


class IdTakenError(RuntimeError):
    """The id belongs to another text."""


class UnderWayError(RuntimeError):
    """The same request is being answered at this moment."""


class MemoryUnavailableError(RuntimeError):
    """The table could not be asked or written; nothing was promised."""


@dataclass(frozen=True)
class Made:
    """What a request was answered with."""

    document: dict[str, object]
    """JSON-ready."""
    keep: bool
    """Whether it is the answer from now on; what is incomplete is not kept, and the request may come again."""


@dataclass(frozen=True)
class Recalled:
    """An answer, made now or kept from before."""

    document: dict[str, object]
    repeated: bool


class PredictionMemory(Protocol):
    """What the API needs of the table; fakes keep a dict."""

    def once(self, prediction_id: int, text: str, make: Callable[[], Made]) -> Recalled:
        """Give what the id was answered with, or make it now.

        Raises:
            IdTakenError, UnderWayError, MemoryUnavailableError: nothing was made, or it could not be kept.
        """


class _NotKeptError(Exception):
    """Carries an answer past powertools, which frees the id of a request that raises."""

    def __init__(self, document: dict[str, object]) -> None:
        super().__init__("not kept")
        self.document = document


class _Hold:
    """Stands for Lambda's context where powertools asks how long this request may still run."""

    def get_remaining_time_in_millis(self) -> int:
        return _HOLD_SECONDS * 1000


class DynamoPredictionMemory:
    """`PredictionMemory` on a DynamoDB table with the key `id` and the time to live `expiration`."""

    def __init__(self, table: str, dynamodb: Any = None) -> None:  # noqa: ANN401 - a boto3 client has no static type
        """Take the table's name, and a boto3 DynamoDB client or one of its own."""
        client = dynamodb or boto3.client("dynamodb", config=_CONFIG)
        self._layer = DynamoDBPersistenceLayer(table_name=table, boto3_client=client)
        self._config = IdempotencyConfig(
            event_key_jmespath="prediction_id",
            payload_validation_jmespath="text",
            raise_on_no_idempotency_key=True,
            expires_after_seconds=KEEP_DAYS * 24 * 3600,
            hash_function="sha256",
            lambda_context=cast("LambdaContext", _Hold()),
        )

    def once(self, prediction_id: int, text: str, make: Callable[[], Made]) -> Recalled:
        """See PredictionMemory."""
        fresh: list[Made] = []

        def answer(*, request: dict[str, object]) -> dict[str, object]:  # noqa: ARG001 - powertools reads it
            made = make()
            fresh.append(made)
            if not made.keep:
                raise _NotKeptError(made.document)
            return made.document

        guarded = idempotent_function(
            answer,
            data_keyword_argument="request",
            persistence_store=self._layer,
            config=self._config,
            key_prefix=_PREFIX,
        )
        try:
            document = guarded(request={"prediction_id": prediction_id, "text": text})
        except _NotKeptError as made:
            return Recalled(made.document, repeated=False)
        except IdempotencyValidationError as error:
            raise IdTakenError(f"prediction_id {prediction_id} belongs to another text") from error
        except (IdempotencyAlreadyInProgressError, IdempotencyInconsistentStateError) as error:
            raise UnderWayError(f"prediction_id {prediction_id} is being answered") from error
        except IdempotencyPersistenceLayerError as error:
            raise MemoryUnavailableError(str(error)) from error
        return Recalled(document, repeated=not fresh)
