"""The main job from end to end, as `make demo` shows it, and what an operator sees in the cloud that it leaves up."""

import json
import re
import subprocess
import sys
from pathlib import Path

import httpx
import pytest

from cloud_parts import until
from infolens_cli import cloud as cloud_process

pytestmark = [pytest.mark.cloud, pytest.mark.timeout(2400)]

TASK = "news_category"
INFOLENS = Path(sys.executable).with_name("infolens")
LONG_ENOUGH = "The senate voted on the bill after a long night of debate, and the governor promised a veto."


def test_the_demo_comes_out_as_promised(told):
    """Exit code 0, every chapter closed, and the summary with what the issue asks for."""
    assert told.code == 0, told.text[-1500:]
    for chapter in range(1, 9):
        assert re.search(rf"^{chapter}\. ", told.text, re.MULTILINE), chapter
    for part in ("rows", "duplicate", "rejected", "✓ accuracy", "bundle", "until weight 0", "What to run next"):
        assert part in told.text, part


def test_the_weights_rise_step_by_step(told):
    """20, 40, 60, 80, 100, each because the step before had its evidence."""
    climb = told.text.split("5. ", 1)[1].split("6. ", 1)[0]
    assert "First its shadow" in climb
    assert re.findall(r"(\d+) % for version 2", climb) == ["20", "40", "60", "80", "100"]


@pytest.mark.parametrize(("number", "alarm"), [(6, "faults"), (7, "latency")])
def test_a_bad_candidate_is_taken_back_by_its_alarm(told, number, alarm):
    """No state machine looks as often as the alarm, and no user saw an error."""
    chapter = told.text.split(f"\n{number}. ", 1)[1].split(f"\n{number + 1}. ", 1)[0]
    assert f"{alarm} alarm" in chapter
    assert re.search(r"from its first bad answer to weight 0; \d+ requests met it, 0 users saw an error", chapter)


def test_the_curl_line_works_as_printed(told):
    """A newcomer copies it into a shell."""
    done = subprocess.run(["bash", "-c", told.curl], capture_output=True, text=True, check=True, env=told.env)
    answer = json.loads(done.stdout)
    assert answer["model_version"] == "2"
    assert answer["prediction_id"] == 4711
    assert 0.0 <= answer["confidence"] <= 1.0


def test_one_prediction_is_followed_through_every_function(told):
    """The id of an answer leads to the function and the version that gave it."""
    assert told.run("predict", TASK, "--text", LONG_ENOUGH, "--prediction-id", "424242")[0] == 0
    code, lines, _ = told.run("logs", "424242")
    assert code == 0
    assert "predict-news_category" in lines
    assert re.search(r"api .*answered", lines)
    assert "model_version=2" in lines


def test_an_answer_is_traced_back_to_the_uploaded_file(told):
    """Prediction -> dataset -> the files it was made of."""
    _, said, _ = told.run("predict", TASK, "--text", LONG_ENOUGH, "--json")
    dataset_id = json.loads(said)["dataset_id"]
    key = f"datasets/{TASK}/{dataset_id}/manifest.json"
    manifest = json.load(told.client("s3").get_object(Bucket=told.outputs["DataBucket"], Key=key)["Body"])
    assert [source["source"]["key"].rpartition("/")[2] for source in manifest["sources"]] == [
        "labelled.csv",
        "more.csv",
    ]


def test_an_operator_moves_the_alias_by_hand_and_back(told):
    """`rollout weight` moves it, the history keeps it."""
    code, said, _ = told.run("rollout", "weight", TASK, "10", "--version", "1")
    assert (code, said.strip()) == (0, "version 2 has 90 %, candidate 1 has 10 %")
    assert told.run("rollout", "weight", TASK, "0")[1].strip() == "version 2 has 100 %"
    assert told.run("rollout", "history", TASK)[1].count("weight_by_hand") == 2


def test_a_weight_is_refused_while_a_rollout_owns_the_alias(told, tmp_path):
    """The reason names the rollout; forced, it moves, and the rollout ends as aborted."""
    plan = json.loads((Path(cloud_process.CHECKOUT) / "infra/cli/infolens_cli/demo/plan.json").read_text())
    file = tmp_path / "plan.json"
    file.write_text(json.dumps(plan | {"min_requests": 1000, "look_seconds": 3, "max_step_seconds": 600}))
    assert told.run("rollout", "start", TASK, "1", "--plan", str(file))[0] == 0
    until(lambda: "owns the alias" in told.run("rollout", "status", TASK)[1], 240, 0.5)
    code, _, said = told.run("rollout", "weight", TASK, "50")
    assert code == 1
    assert "owns the alias" in said
    assert "--force" in said
    assert told.run("rollout", "weight", TASK, "0", "--force")[0] == 0
    until(lambda: "ended as aborted" in told.run("rollout", "status", TASK)[1], 240, 0.5)


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("rows.csv", b"%PDF-1.7 not a csv", "a PDF document"),
        ("empty.csv", b"", "the file is empty (0 bytes)"),
        ("unlabelled.csv", b"title,body\nA title,A body that is long enough\n", "label: no such column"),
        ("wrong.csv", b"title,label\n" + b"A title that is long enough,Gardening\n" * 5, "Gardening"),
        ("short.csv", b"title,label\n" + b"Oh,Sports\n" * 5, "at least 15 are needed"),
        ("long.csv", b"title,label\n" + b"word " * 3000 + b",Sports\n", "at most 12000 are taken"),
    ],
)
def test_a_bad_file_is_refused_with_its_reason_and_starts_nothing(told, tmp_path, name, content, said):
    """The report names field and limit, the file is kept byte for byte, and no run begins."""
    file = tmp_path / name
    file.write_bytes(content)
    before = told.runs()
    code, page, _ = told.run("upload", TASK, str(file))
    words = " ".join(page.split())
    assert code == 1
    assert "refused" in words
    assert said in words
    upload_id = re.search(r"upload id ([0-9a-f]{24})", words)[1]
    key = f"quarantine/{TASK}/{upload_id}/{name}"
    kept = told.client("s3").get_object(Bucket=told.outputs["DataBucket"], Key=key)["Body"].read()
    assert kept == content
    assert told.runs() == before


@pytest.fixture(scope="module")
def api(told):
    """Address and key as the curl line has them."""
    url = re.search(r"http://\S+?/v1", told.curl)[0]
    key = re.search(r"x-api-key: (\S+?)'", told.curl)[1]
    with httpx.Client(base_url=url, headers={"x-api-key": key}, timeout=120) as client:
        yield client


@pytest.mark.parametrize(
    ("path", "body", "status", "said"),
    [
        (f"/tasks/{TASK}/predictions", b'{"text": "short"}', 422, "at least 50 are needed"),
        (f"/tasks/{TASK}/predictions", json.dumps({"text": "x" * 12_001}).encode(), 422, "at most 12000 are taken"),
        (f"/tasks/{TASK}/predictions", b"{text: 1}", 400, "JSON"),
        (
            f"/tasks/{TASK}/predictions",
            json.dumps({"prediction_id": 0, "text": LONG_ENOUGH}).encode(),
            422,
            "prediction_id",
        ),
        ("/tasks/weather/predictions", json.dumps({"text": LONG_ENOUGH}).encode(), 404, "known tasks: "),
    ],
)
def test_a_bad_request_is_a_problem_document(api, path, body, status, said):
    """RFC 9457, with the field and the limit."""
    answer = api.post(path, content=body, headers={"content-type": "application/json"})
    assert answer.status_code == status
    assert said in answer.json()["detail"]


def test_a_wrong_key_is_refused(api):
    """By the gateway, before anything of ours runs."""
    answer = api.post(f"/tasks/{TASK}/predictions", json={"text": LONG_ENOUGH}, headers={"x-api-key": "wrong"})
    assert answer.status_code == 403


def test_a_running_cloud_is_not_started_twice(told):
    """The message names it; it goes on running."""
    code, said, _ = told.run("up")
    assert code == 0
    assert "already runs at" in said
    assert "answers" in told.run("status")[1]
