"""Contract records survive the way to JSON and back, byte for byte."""

import pytest
from pydantic import ValidationError

from infolens import codec
from infolens.contracts.evaluation import GateResult, Verdict
from infolens.contracts.prediction import PredictRequest

VERDICT = Verdict(passed=False, results=(GateResult("accuracy", passed=False, reason="0.61 < 0.70 on 1200 rows"),))


def test_a_record_comes_back_equal() -> None:
    """Nested records and tuples are rebuilt."""
    assert codec.from_json(Verdict, codec.to_json(VERDICT)) == VERDICT


def test_equal_records_give_equal_bytes() -> None:
    """Keys are sorted and nothing is padded, so that a hash over the bytes means something."""
    assert (
        codec.to_json(PredictRequest("p", ({"b": 1, "a": "ü"},)))
        == '{"bucket":null,"inputs":[{"a":"ü","b":1}],"purpose":"","request_id":"p"}'.encode()
    )


def test_a_wrong_type_is_refused_by_name() -> None:
    """The error names the field that is wrong."""
    with pytest.raises(ValidationError, match="request_id"):
        codec.from_dict(PredictRequest, {"request_id": 7, "inputs": []})
