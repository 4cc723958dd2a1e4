"""Lets a DynamoDB query look at its own partition alone.

moto sorts all items of a table for each query, one comparison in Python at a time, whatever is asked: with the
observations of some thousand answers a look of a rollout takes seconds, and each answer makes the next one slower.
"""

import functools
import inspect
from typing import Any

from moto.dynamodb.models.table import Table


def install() -> None:
    """Narrow the queries of moto's tables; what they give stays the same."""
    Table.query = narrowed(Table.query)


def narrowed(query: Any) -> Any:  # noqa: ANN401 - moto's own signature, which differs between its versions
    """Wrap `Table.query` so that `all_items`, which it chooses from, gives only items with the hash key asked for.

    Queries of one table must not run at once; `moto_service` sees to it for DynamoDB.
    """
    signature = inspect.signature(query)

    @functools.wraps(query)
    def narrow(table: Any, *args: Any, **kwargs: Any) -> Any:  # noqa: ANN401
        given = signature.bind(table, *args, **kwargs).arguments
        name, hash_key = given.get("index_name"), given["hash_key"]
        if hash_key is None:
            return query(table, *args, **kwargs)  # an index of several hash keys
        items = _partition(table, hash_key) if name is None else _index_partition(table, name, hash_key)
        table.all_items = lambda: items
        try:
            return query(table, *args, **kwargs)
        finally:
            del table.all_items

    return narrow


def _partition(table: Any, hash_key: Any) -> list[Any]:  # noqa: ANN401
    held = table.items.get(hash_key)
    if held is None:
        return []
    return list(held.values()) if table.range_key_attr else [held]


def _index_partition(table: Any, name: str, hash_key: Any) -> list[Any]:  # noqa: ANN401
    """Items of an index with one hash key, in the order of `all_items`, which decides between equal range keys."""
    schema = next((index.schema for index in table.all_indexes() if index.name == name), [])
    attribute = next((key["AttributeName"] for key in schema if key["KeyType"] == "HASH"), None)
    held = table.items.values()
    items = (item for partition in held for item in partition.values()) if table.range_key_attr else held
    found = [item for item in items if attribute in item.attrs and item.attrs[attribute] == hash_key]
    return sorted(found, key=lambda item: (item.hash_key, item.range_key) if item.range_key else item.hash_key)
