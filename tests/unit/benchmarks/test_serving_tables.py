"""The tables of the serving benchmark say what was measured, and do not hide what failed."""

from xml.etree import ElementTree as ET

import pytest

from serving_benchmark import cases, tables

PART = {
    "part": "distilbert",
    "threads": 2,
    "amx": True,
    "machine": {"processor": "Some CPU", "cores": "2", "instructions": "amx_int8", "system": "Linux", "load": "0.1"},
    "taken": "2026-11-21T09:00:00+00:00",
    "seconds": 61.5,
    "cases": {
        "DistilBERT-base, 128 tokens": {
            "model": "distilbert",
            "tokens": 128,
            "written": 0,
            "beams": 1,
            "engines": {
                "InfoLens": {"seconds": [[0.010, 0.011], [0.012, 0.010]], "outcome": [0.25, 0.75]},
                "torch fp32": {"seconds": [[0.040], [0.044]], "outcome": [0.5, 0.5]},
                "onnxruntime quantize_dynamic int8": {"seconds": [[0.015], [0.0165]], "outcome": [0.5, 0.5]},
            },
        }
    },
    "engines": {
        name: {"bytes": 67_000_000, "versions": {"lib": "1"}, "resident_mb": 180.4, "load_seconds": 0.5}
        for name in ("InfoLens", "torch fp32", "onnxruntime quantize_dynamic int8", "roof")
    },
    "failed": {"CTranslate2 int8": "no environment bench-ctranslate2"},
    "rates": {"int8: a": [2e12], "fp32: b": [4e11], "read: c": [4e10]},
}


def rows(part=PART):
    """Compute the rows."""
    return tables.rows_of(part, "torch fp32")


def test_rows():
    """Fastest first, ratios to ours, share of the roof, and what failed at the end with its reason."""
    ours, ort, torch, failed = rows()
    assert [row["engine"] for row in (ours, ort, torch)] == [
        "InfoLens",
        "onnxruntime quantize_dynamic int8",
        "torch fp32",
    ]
    assert (ours["median_ms"], ours["p95_ms"]) == (pytest.approx(10.5), pytest.approx(12.0))
    assert ours["roof_ms"] == pytest.approx(9_373_483_008 / 2e9 + 252_051_456 / 4e8)
    assert ours["roof_share"] == pytest.approx(ours["roof_ms"] / 10.5)
    assert ort["fastest_peer"]
    assert not torch["fastest_peer"]
    assert ort["ours_to_it"] == pytest.approx((10.5 / 15 + 11 / 16.5) / 2)
    assert (ours["ours_to_it"], ours["agreement"], torch["agreement"]) == (None, "2.5e-01", "0.0e+00")
    assert failed["failed"] == "no environment bench-ctranslate2"


def test_tokens_are_compared_by_place():
    """Of what is written the share of equal tokens is told."""
    case = {"written": 3}
    assert tables._agreement(case, [1, 2, 3], [1, 2, 4]) == "67% of 3 tokens equal"
    assert tables._agreement(case, None, [1, 2, 4]) == ""


def test_markdown():
    """Machine, overview and each engine's row are there, every row of a table as wide as its head."""
    text = tables.markdown(rows(), [tables.head_of(PART)], "some cold start")
    assert "2 cores of Some CPU (amx_int8)" in text
    overview = (
        "DistilBERT-base, 128 tokens | 2 threads | 10.5 | onnxruntime quantize_dynamic int8 | 15.8 | 0.68 | 51% | 180"
    )
    assert f"| {overview} |" in text
    assert "| CTranslate2 int8 | not measured: no environment bench-ctranslate2 |" in text
    assert "| torch fp32 | 42.0 | 44.0 | 0.26 | 13% | 180 | 67 | 0.0e+00 |" in text
    assert "some cold start" in text
    widths = {line.count("|") for line in text.split("### ")[1].split("## ")[0].splitlines() if line.startswith("|")}
    assert widths == {len(tables.HEAD) + 1}


def test_parts_without_amx_are_told_apart():
    """The same case with and without AMX has two rows in the overview and a section each."""
    hidden = PART | {"amx": False, "threads": 1}
    heads = [tables.head_of(PART), tables.head_of(hidden)]
    text = tables.markdown([*rows(), *rows(hidden)], heads, "")
    assert [line for line in text.splitlines() if line.startswith("## ")][:2] == [
        "## 2 threads",
        "## 1 thread without AMX",
    ]
    assert text.count("### DistilBERT-base, 128 tokens (2 rounds") == 2
    assert "| DistilBERT-base, 128 tokens | 1 thread without AMX | 10.5 |" in text


def test_ours_alone():
    """Without a peer, or without ours, there is a table all the same."""
    case = PART["cases"]["DistilBERT-base, 128 tokens"]
    for engine in ("InfoLens", "torch fp32"):
        alone = PART | {"cases": {"one": case | {"engines": {engine: case["engines"][engine]}}}}
        assert f"{engine}" in tables.markdown(rows(alone), [tables.head_of(PART)], "")


def test_svg():
    """The picture is well-formed, with a bar for each engine that answered and a line for the roof."""
    drawn = ET.fromstring(tables.svg(rows()))
    named = drawn.findall("{http://www.w3.org/2000/svg}rect")
    assert len(named) == 1 + 3
    dotted = [line for line in drawn.findall("{http://www.w3.org/2000/svg}line") if line.get("stroke-dasharray")]
    assert len(dotted) == 1


def test_every_row_of_the_issue_is_a_part():
    """Four lengths of DistilBERT, XLNet, BART twice, and one part for each task."""
    names = [case.name for part in cases.PARTS.values() for case in part.cases]
    assert len(names) == 4 + 1 + 2 + 6
    assert {part.cases[0].name for part in cases.chosen("task")} == set(cases.TASKS)
    assert [part.name for part in cases.chosen("bart,xlnet")] == ["xlnet", "bart-greedy", "bart-beam"]
    with pytest.raises(ValueError, match="no part 'gpt'"):
        cases.chosen("gpt")


def test_each_part_has_ours_once():
    """Ours is in each part, once, and no engine's name comes twice."""
    for part in cases.PARTS.values():
        assert sum(engine.ours for engine in part.engines) == 1
        assert len({engine.name for engine in part.engines}) == len(part.engines)
