"""Whatever a file or a caller sends, each task's schema takes it cleanly or refuses it with a reason."""

from __future__ import annotations

import json
import math
import time
from functools import cache

import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from infolens.contracts.task import RowRejected
from infolens.rows.row_blocks import clean_each
from infolens.rows.utf8_cells import Utf8Cells
from infolens.tasks import part_of, schema_of, task_names

pytestmark = pytest.mark.parametrize("task", task_names())

ARROW_TYPES = {"string": pa.string(), "int64": pa.int64(), "double": pa.float64(), "list<int64>": pa.list_(pa.int64())}
QUICK = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow], derandomize=True)
MANY_BYTES = 10_000_000
CPU_SECONDS = 4.0
"""Processor time for 10 MB; a Lambda has less than a core, and an API call 29 seconds."""

# Text of all kinds: with lone surrogates (a JSON escape can carry one), controls, noncharacters, entities, numbers.
TEXTS = st.one_of(
    st.text(st.characters(), max_size=80),
    st.text(max_size=80),
    st.sampled_from(
        [
            *(
                "",
                " ",
                "\x00",
                "\ud800",
                "\ufeff",
                "nan",
                "NaN",
                "inf",
                "-inf",
                "1e999",
                "-1",
                "0",
                "1",
                "9" * 400,
                "1_000",
            ),
            *(
                "٣",
                "²",
                "½",
                "1.0",
                "1e3",
                "0x10",
                "true",
                "null",
                "[]",
                "[1,2]",
                "1|2",
                "&#0;",
                "&#xD800;",
                "&amp;" * 9,
            ),
            *("2020-13-45", "02/30/2020", "0000-00-00", "25:61", "2020-01-01T00:00:00Z", "9999-12-31", "01/01/0001"),
            *("🏳️‍🌈" * 20, "\u0301" * 50, "a" * 60, "word " * 30, "\n" * 60, "ﷺ" * 30),
        ]
    ),
)
NUMBERS = st.one_of(
    st.integers(),
    st.integers(-(2**70), 2**70),
    st.floats(),
    st.sampled_from([2**63, -(2**63) - 1, 10**400, True, False]),
)
JSON_VALUES = st.recursive(
    st.none() | st.booleans() | NUMBERS | TEXTS,
    lambda inner: st.lists(inner, max_size=6) | st.dictionaries(TEXTS, inner, max_size=4),
    max_leaves=8,
)


@cache
def good_inputs(task: str) -> list[dict[str, object]]:
    """Inputs of the API that are right."""
    return [
        schema_of(task).check(bound(task, row, labelled=False)) for row in part_of(task, "sample").unlabelled(20, 1)
    ]


@cache
def good_rows(task: str) -> list[dict[str, str]]:
    """Labelled CSV rows that are right, by the schema's own names."""
    return [bound(task, row, labelled=True) for row in part_of(task, "sample").rows(20, 1)]


def bound(task: str, row: dict[str, str], *, labelled: bool) -> dict[str, str]:
    """A CSV row by the schema's own names, as ingest hands it over."""
    header = list(row)
    return {name: row[header[at]] for name, at in schema_of(task).bind(header, labelled=labelled).items()}


def taken(what, given):
    """What the schema makes of it, or None where it is refused in words; anything else that is raised is a fault."""
    try:
        return what(given)
    except RowRejected as error:
        reason = error.reason
    assert reason
    assert len(reason) < 1_000, "a reason is read by people, and stands in a report"
    assert reason.encode()  # so that it can be written down
    return None


def assert_clean(task: str, row: dict[str, object]) -> None:
    """Right names, types that Arrow takes as they are, numbers that are numbers, text that can be written; a split."""
    schema = schema_of(task)
    assert list(row) == list(schema.columns)
    for name, kind in schema.columns.items():
        (value,) = pa.array([row[name]], ARROW_TYPES[kind]).to_pylist()
        assert value == row[name], name
        assert not isinstance(row[name], bool), name
        assert not isinstance(value, float) or math.isfinite(value), name
    identity = schema.identity(row)
    assert identity
    assert identity == schema.identity(dict(row))
    assert schema.split(row) in {"train", "validation", "test", "by_time"}
    assert schema.split(row) == schema.split(dict(row))


def assert_answerable(checked: dict[str, object]) -> None:
    """What a predictor gets is plain JSON with numbers that are numbers and text that UTF-8 can hold."""
    json.dumps(checked, allow_nan=False, ensure_ascii=False).encode()


@QUICK
@given(data=st.data())
def test_any_payload(task, data):
    """An object of anything is refused in words or taken as something that can be answered."""
    names = st.sampled_from([*good_inputs(task)[0], *schema_of(task).columns, "text", "title"]) | TEXTS
    checked = taken(schema_of(task).check, data.draw(st.dictionaries(names, JSON_VALUES, max_size=6)))
    if checked is not None:
        assert_answerable(checked)


@QUICK
@given(data=st.data())
def test_payload_with_one_field_spoiled(task, data):
    """A right input whose one field became anything is refused in words or taken as something that can be answered."""
    payload = dict(data.draw(st.sampled_from(good_inputs(task))))
    payload[data.draw(st.sampled_from(list(payload)))] = data.draw(JSON_VALUES)
    checked = taken(schema_of(task).check, payload)
    if checked is not None:
        assert_answerable(checked)


def test_checked_input_passes_again(task):
    """What has been checked is right: a batch's row and an example go through the same check once more, unchanged."""
    for checked in good_inputs(task):
        assert schema_of(task).check(checked) == checked


@pytest.mark.parametrize("value", [None, [], {}, [[]], "", "   ", math.nan, math.inf, [None], [math.nan], {"a": 1}])
def test_empty_values(task, value):
    """Nothing, in any shape, is never something to answer in every field: at least one field refuses it."""
    payload = dict.fromkeys(good_inputs(task)[0], value)
    assert taken(schema_of(task).check, payload) is None


@QUICK
@given(data=st.data())
def test_any_csv_row(task, data):
    """A row of any text is refused in words or becomes a clean row."""
    names = list(good_rows(task)[0])
    clean = taken(schema_of(task).clean, data.draw(st.fixed_dictionaries(dict.fromkeys(names, TEXTS))))
    if clean is not None:
        assert_clean(task, clean)


@QUICK
@given(data=st.data())
def test_csv_row_with_one_field_spoiled(task, data):
    """A right row whose one field became any text is refused in words or becomes a clean row."""
    raw = dict(data.draw(st.sampled_from(good_rows(task))))
    raw[data.draw(st.sampled_from(list(raw)))] = data.draw(TEXTS)
    clean = taken(schema_of(task).clean, raw)
    if clean is not None:
        assert_clean(task, clean)


@QUICK
@given(data=st.data())
def test_row_with_fields_missing(task, data):
    """A row may lack any of its fields: a file need not have every column."""
    raw = data.draw(st.sampled_from(good_rows(task)))
    kept = data.draw(st.sets(st.sampled_from(list(raw))))
    clean = taken(schema_of(task).clean, {name: raw[name] for name in raw if name in kept})
    if clean is not None:
        assert_clean(task, clean)


@QUICK
@given(data=st.data())
def test_block_of_rows(task, data):
    """A block is cleaned as its rows are one by one: same rows kept, same values, digests, splits, fields, reasons."""
    schema = schema_of(task)
    names = data.draw(st.sets(st.sampled_from(list(good_rows(task)[0]))))
    right = st.sampled_from(good_rows(task))
    rows = data.draw(st.lists(right | st.fixed_dictionaries(dict.fromkeys(good_rows(task)[0], TEXTS)), max_size=8))
    for at, row in enumerate(rows):
        if data.draw(st.booleans()):
            rows[at] = row | {data.draw(st.sampled_from(list(row))): data.draw(TEXTS)}
    columns = {name: [row[name] for row in rows] for name in good_rows(task)[0] if name in names}
    expected = clean_each(schema, columns)
    assert schema.clean_block(columns) == expected
    columns = {name: [cell.encode(errors="ignore").decode() for cell in cells] for name, cells in columns.items()}
    utf8 = {name: Utf8Cells([cell.encode() for cell in cells]) for name, cells in columns.items()}
    assert schema.clean_block(utf8) == clean_each(schema, columns)


def test_block_of_sample_rows(task):
    """The task's own sample, with its dirt, is cleaned in a block as row by row, in blocks of any size."""
    schema = schema_of(task)
    rows = [bound(task, row, labelled=True) for row in part_of(task, "sample").rows(300, 7)]
    columns = {name: [row.get(name, "") for row in rows] for name in rows[0]}
    whole = clean_each(schema, columns)
    assert whole.kept
    assert len(whole.kept) + len(whole.rejected) == len(rows)
    assert schema.clean_block(columns) == whole
    halves = [schema.clean_block({name: cells[at : at + 150] for name, cells in columns.items()}) for at in (0, 150)]
    assert halves[0].digests + halves[1].digests == whole.digests


@QUICK
@given(data=st.data())
def test_cleaning_twice(task, data):
    """A clean row that is written to a file under the schema's own names comes back as it is, and is a duplicate."""
    schema = schema_of(task)
    raw = dict(data.draw(st.sampled_from(good_rows(task))))
    raw[data.draw(st.sampled_from(list(raw)))] = data.draw(TEXTS.filter(lambda text: "&" not in text))
    clean = taken(schema.clean, raw)
    if clean is None:
        return
    written = {name: "" if value is None else str(value) for name, value in clean.items()}
    try:
        again = schema.clean(bound(task, written, labelled=True))
    except RowRejected:
        return  # not every task's rows are files again as they are kept
    assert schema.identity(again) == schema.identity(clean)


@QUICK
@given(header=st.lists(TEXTS, max_size=12), labelled=st.booleans())
def test_any_header(task, header, labelled):
    """A header of anything is refused in words or bound to columns that it has."""
    found = taken(lambda cells: schema_of(task).bind(cells, labelled=labelled), header)
    for position in (found or {}).values():
        assert 0 <= position < len(header)


@pytest.mark.parametrize("unit", ["word. ", "&amp;", "e\u0301\u0323", "\x00", "\n", "1,"])
def test_ten_megabytes(task, unit):
    """10 MB of anything in any field are refused, or taken, within seconds."""
    text = unit * (MANY_BYTES // len(unit.encode()))
    schema = schema_of(task)
    for name in good_inputs(task)[0]:
        began = time.process_time()
        checked = taken(schema.check, good_inputs(task)[0] | {name: text})
        assert time.process_time() - began < CPU_SECONDS, name
        assert checked is None or len(json.dumps(checked)) < MANY_BYTES
    for name in good_rows(task)[0]:
        began = time.process_time()
        clean = taken(schema.clean, good_rows(task)[0] | {name: text})
        assert time.process_time() - began < CPU_SECONDS, name
        if clean is not None:
            assert_clean(task, clean)
