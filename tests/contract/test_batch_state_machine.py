"""The state machine of batches: a graph whose every path ends honestly, over functions that the template has."""

import json
import re
from pathlib import Path

from infolens.usecases import batch_chunk
from state_machines import following, reachable

ROOT = Path(__file__).resolve().parents[2]
TEXT = (ROOT / "state_machines" / "batch.asl.json").read_text("utf-8")
MACHINE = json.loads(TEXT)
MAP = MACHINE["States"]["AnswerChunks"]
GRAPHS = (MACHINE, MAP["ItemProcessor"])


def test_every_state_is_reached_and_every_arrow_has_an_end():
    """No dead branch, no dangling name, no `End: true`."""
    for graph in GRAPHS:
        assert reachable(graph) == set(graph["States"])
        for name, state in graph["States"].items():
            assert state["Type"] in {"Succeed", "Fail"} or following(state), name
            assert not state.get("End"), name


def test_only_an_answered_batch_succeeds():
    """The one arrow to Succeed asks for the status that the report has."""
    leading = [name for name, state in MACHINE["States"].items() if "Answered" in following(state)]
    assert leading == ["WasAnswered"]
    (choice,) = MACHINE["States"]["WasAnswered"]["Choices"]
    assert (choice["Variable"], choice["StringEquals"]) == ("$.report.status", "answered")


def test_chunks_are_answered_by_a_distributed_map():
    """It reads the list of chunks from the bucket; a chunk that fails does not stop the others."""
    assert MAP["ItemProcessor"]["ProcessorConfig"]["Mode"] == "DISTRIBUTED"
    assert MAP["ItemReader"]["Resource"].endswith(":s3:getObject")
    assert MAP["ToleratedFailurePercentage"] == 100


def test_throttling_is_waited_for_by_the_name_of_its_error():
    """Both places that ask the model try again when it is busy."""
    for state in (MACHINE["States"]["AnswerFirstChunk"], MAP["ItemProcessor"]["States"]["AnswerChunk"]):
        assert state["Retry"][0]["ErrorEquals"] == [batch_chunk.ModelBusyError.__name__]


def test_its_functions_are_substituted_by_the_template():
    """Every placeholder has its substitution."""
    names = set(re.findall(r"\$\{(\w+)\}", TEXT))
    template = (ROOT / "template.yaml").read_text()
    assert names == {"SplitBatchFunctionArn", "AnswerChunkFunctionArn", "AssembleBatchFunctionArn"}
    for name in names:
        assert f"{name}: !GetAtt {name.removesuffix('FunctionArn')}.Arn" in template
