"""template.yaml gives ingest the time, the room and the permissions that its code counts on."""

import re
from pathlib import Path

import pytest

from infolens.contracts import keys
from infolens.settings import Settings
from infolens.usecases.ingest_ports import DISTRIBUTE_FROM, LEAST_SECONDS

ROOT = Path(__file__).parents[2]
TEMPLATE = (ROOT / "template.yaml").read_text("utf-8")
FUNCTIONS = ("IngestUpload", "PlanIngest", "StageSection", "CommitUpload")


def stanza(name):
    """Text of one resource or parameter."""
    return re.search(rf"^  {name}:\n(?:    .*\n|\n)+", TEMPLATE, re.MULTILINE)[0]


def number(name, field):
    """Number in a stanza."""
    return int(re.search(rf"^ +{field}: (?:&[\w-]+ )?(\d+)", stanza(name), re.MULTILINE)[1])


def test_a_message_comes_again_only_when_its_function_must_have_ended():
    """Six times the function's time-out, as Lambda's guide to SQS asks."""
    assert number("LabelledQueue", "VisibilityTimeout") >= 6 * number("IngestUpload", "Timeout")


def test_a_function_has_time_for_more_than_it_gives_away():
    """Who stops in good time has most of its time before that; one section is read long before its own time-out."""
    for name in ("IngestUpload", "PlanIngest", "CommitUpload"):
        assert number(name, "Timeout") > 5 * LEAST_SECONDS
    assert number("StageSection", "Timeout") >= 60


def test_parameters_begin_where_the_code_does():
    """The template's defaults are those of the code."""
    assert number("DistributeFrom", "Default") == DISTRIBUTE_FROM
    assert 'Default: ""' in stanza("SectionBytes")  # the code's own


@pytest.mark.parametrize("name", FUNCTIONS)
def test_every_variable_is_a_setting(name):
    """And each function has those that its ports need; all read Parquet."""
    variables = set(re.findall(r"^          ([A-Z_]+):", stanza(name), re.MULTILINE))
    known = {field.upper() for field in Settings.__dataclass_fields__}
    of_libraries = {variable for variable in variables if variable.startswith(("POWERTOOLS_", "ARROW_"))}
    assert variables - of_libraries <= known
    assert "ARROW_DEFAULT_MEMORY_POOL: system" in stanza(name)  # else Parquet keeps 20 MB a process to itself
    assert {"DATA_BUCKET", "SECTION_BYTES"} <= variables
    assert ("TRAINING_STATE_MACHINE_ARN" in variables) == (name in {"IngestUpload", "CommitUpload"})
    assert "Layers: [!Ref ColumnarLayer]" in stanza(name)
    assert f"  {name}Logs: " in TEMPLATE


def test_what_lies_on_its_way_is_forgotten():
    """The bucket forgets staged sections after a week, and nothing else but uploads that broke off."""
    assert f"Prefix: {keys.STAGED_PREFIX}" in stanza("DataBucket")
    assert number("DataBucket", "ExpirationInDays") == 7
    assert stanza("DataBucket").count("Expiration") == 2  # of objects, and of versions, under that prefix
