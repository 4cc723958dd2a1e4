"""The state machine of ingest: a graph whose every path ends honestly, over functions that the template has."""

import json
import re
from dataclasses import fields
from pathlib import Path

from infolens.contracts.ingest import CommittedIngest, PlannedIngest
from state_machines import following, reachable

ROOT = Path(__file__).resolve().parents[2]
TEXT = (ROOT / "state_machines" / "ingest.asl.json").read_text("utf-8")
MACHINE = json.loads(TEXT)
STATES = MACHINE["States"]
MAP = STATES["StageSections"]
GRAPHS = (MACHINE, MAP["ItemProcessor"])


def test_every_state_is_reached_and_every_arrow_has_an_end():
    """No dead branch, no dangling name, no `End: true`."""
    for graph in GRAPHS:
        assert reachable(graph) == set(graph["States"])
        for name, state in graph["States"].items():
            assert state["Type"] in {"Succeed", "Fail"} or following(state), name
            assert not state.get("End"), name


def test_only_an_upload_that_was_dealt_with_succeeds():
    """The arrows to Succeed ask for the statuses of a report; a refused file ends as a failure with its reason."""
    leading = [name for name, state in STATES.items() if "Settled" in following(state)]
    assert leading == ["WasCommitted"]
    choices = {choice["StringEquals"]: choice["Next"] for choice in STATES["WasCommitted"]["Choices"]}
    assert choices == {"accepted": "Settled", "empty": "Settled", "unfinished": "Commit", "unplanned": "Plan"}
    assert STATES["WasCommitted"]["Default"] == "UploadRefused"


def test_a_file_that_cannot_be_cut_is_read_by_the_plan_until_it_is_done():
    """And sections that were planned go through the map."""
    choices = {choice["StringEquals"]: choice["Next"] for choice in STATES["WasPlanned"]["Choices"]}
    assert choices == {"planned": "StageSections", "unfinished": "Plan"}
    assert STATES["WasPlanned"]["Default"] == "Commit"


def test_sections_are_staged_by_a_distributed_map():
    """It reads their list from the bucket, keeps nothing of what they answer, and one that fails fails the file."""
    assert MAP["ItemProcessor"]["ProcessorConfig"]["Mode"] == "DISTRIBUTED"
    assert MAP["ItemReader"]["Resource"].endswith(":s3:getObject")
    assert MAP["ItemProcessor"]["States"]["StageSection"]["ResultSelector"] == {}
    assert "ToleratedFailurePercentage" not in MAP


def test_what_the_choices_ask_is_what_the_steps_say():
    """Fields of the records that the functions give."""
    assert {name.removesuffix(".$") for name in STATES["Plan"]["ResultSelector"]} == {
        field.name for field in fields(PlannedIngest)
    }
    assert {name.removesuffix(".$") for name in STATES["Commit"]["ResultSelector"]} == {
        field.name for field in fields(CommittedIngest)
    }


def test_no_upload_is_lost_when_the_machine_fails():
    """Every task tries again and then hands the upload's event to the dead letters; only that may end in failure."""
    for name in ("Plan", "StageSections", "Commit"):
        (catch,) = STATES[name]["Catch"]
        assert (catch["ErrorEquals"], catch["Next"]) == (["States.ALL"], "ToDeadLetters")
    for state in (STATES["Plan"], STATES["Commit"], MAP["ItemProcessor"]["States"]["StageSection"]):
        assert "Lambda.TooManyRequestsException" in state["Retry"][0]["ErrorEquals"]
        assert state["Retry"][-1]["ErrorEquals"] == ["States.ALL"]
    assert STATES["ToDeadLetters"]["Parameters"]["MessageBody.$"] == "$.order.notification"
    assert following(STATES["ToDeadLetters"]) == ["IngestFailed", "IngestFailed"]


def test_its_functions_are_substituted_by_the_template():
    """Every placeholder has its substitution."""
    names = set(re.findall(r"\$\{(\w+)\}", TEXT))
    template = (ROOT / "template.yaml").read_text()
    functions = {"PlanIngestFunctionArn", "StageSectionFunctionArn", "CommitUploadFunctionArn"}
    assert names == {*functions, "DeadLettersUrl"}
    for name in functions:
        assert f"{name}: !GetAtt {name.removesuffix('FunctionArn')}.Arn" in template
    assert "DeadLettersUrl: !Ref LabelledDeadLetters" in template
