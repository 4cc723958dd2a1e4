"""Contracts to JSON and back: canonical bytes out, strictly checked records in."""

from __future__ import annotations

import functools
import json
from dataclasses import fields
from typing import TYPE_CHECKING, Any, TypeVar, cast

from pydantic import TypeAdapter

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

T = TypeVar("T", bound="DataclassInstance")


@functools.cache
def _adapter(kind: type[Any]) -> TypeAdapter[Any]:
    return TypeAdapter(kind)  # building one costs milliseconds: once per kind


def to_dict(record: DataclassInstance) -> dict[str, Any]:
    """Give a contract record as plain JSON values."""
    plain: dict[str, Any] = json.loads(to_json(record))
    return plain


def to_json(record: DataclassInstance) -> bytes:
    """Give a contract record as canonical JSON: sorted keys, no spaces, UTF-8; equal records give equal bytes."""
    return json.dumps(record, default=_fields, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()


def _fields(record: DataclassInstance) -> dict[str, Any]:
    """Give the fields as they are: json asks again for the records among them, and copies nothing."""
    return {each.name: getattr(record, each.name) for each in fields(record)}


def from_dict(kind: type[T], plain: object) -> T:
    """Check plain JSON values and build the record.

    Raises:
        pydantic.ValidationError: a field is missing or has the wrong type; the message names it.
    """
    return cast("T", _adapter(kind).validate_python(plain))


def from_json(kind: type[T], data: bytes | str) -> T:
    """Check JSON text and build the record.

    Raises:
        pydantic.ValidationError: as `from_dict`, or the text is no JSON.
    """
    return cast("T", _adapter(kind).validate_json(data))
