"""Four more tasks in the demo's cloud: rows in, a judged model live, and Info Lens' three models asked at once."""

import csv
import json
from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest

from cloud_parts import until
from infolens.tasks import part_of

pytestmark = [pytest.mark.cloud, pytest.mark.timeout(1800)]

TASKS = ("fake_news", "news_summary", "movie_recommendation", "crash_risk")
"""toxicity is not among them: on made-up rows alone its behavioural gates refuse, as they should."""

TEXT = (
    "The council voted on Tuesday to rebuild the old harbour bridge. Work is to begin in the spring and will cost nine "
    "million. Traders on the east bank fear for their trade while the road is closed. The mayor promised them a ferry "
    "and lower rents. A first plan had been turned down by a single vote last year."
)


@pytest.fixture(scope="module")
def live(told, tmp_path_factory):
    """Upload made-up rows of each task at once, and wait until each has a champion; gives task -> description."""
    folder = tmp_path_factory.mktemp("tasks")

    def bring(task):
        sample, least = part_of(task, "sample"), part_of(task, "gates").MIN_ROWS
        path = folder / f"{task}.csv"
        sample.write_csv(path, sample.rows(least * 6 // 5, 1))
        code, said, wrong = told.run("upload", task, str(path))
        assert code == 0, said + wrong

        def champion():
            execution = last_run(told, task)
            assert execution["status"] not in {"FAILED", "TIMED_OUT", "ABORTED"}, (task, execution.get("cause"))
            described = get(told, f"tasks/{task}").json()
            return described if described["champion_version"] else None

        return task, until(champion, 1500, every=1.0)

    with ThreadPoolExecutor(len(TASKS)) as pool:
        return dict(pool.map(bring, TASKS))


def last_run(told, task):
    """The training run of a task: DescribeExecution's answer."""
    states = told.client("stepfunctions")
    listed = states.list_executions(stateMachineArn=told.outputs["TrainingStateMachineArn"])["executions"]
    found = [states.describe_execution(executionArn=one["executionArn"]) for one in listed]
    return next(one for one in found if json.loads(one["input"])["task"] == task)


def key_of(told):
    """The value of the API key."""
    apis = told.client("apigateway")
    return apis.get_api_key(apiKey=told.outputs["ApiKeyId"], includeValue=True)["value"]


def url_of(told, path):
    """Where the embedded cloud serves the API."""
    return f"{told.endpoint}/_aws/execute-api/{told.outputs['ApiId']}/v1/{path}"


def get(told, path):
    """Ask the API."""
    return httpx.get(url_of(told, path), headers={"x-api-key": key_of(told)}, timeout=60)


def post(told, path, body):
    """Ask the API with a body."""
    return httpx.post(url_of(told, path), headers={"x-api-key": key_of(told)}, json=body, timeout=60)


@pytest.mark.parametrize("task", TASKS)
def test_made_up_rows_become_a_judged_model_that_answers(told, live, task, tmp_path):
    """The first version is the champion, says where it comes from, and takes the task's own example."""
    assert live[task]["champion_version"] == "1"
    answer = post(told, f"tasks/{task}/predictions", live[task]["input"]["examples"][0])
    assert answer.status_code == 200, answer.text
    said = answer.json()
    assert said["model_version"] == "1"
    assert said["bundle_digest"]
    assert said["dataset_id"]


def test_info_lens_asks_its_three_models_at_once(told, live):
    """S0-30 and S0-31 to the letter, with real bundles; the headers say which version answered."""
    answer = post(told, "predict", {"prediction_id": 77, "text": TEXT})
    assert answer.status_code == 200, answer.text
    said = answer.json()
    assert set(said) == {"prediction_id", "bart", "xln", "bert"}
    assert said["prediction_id"] == 77
    assert said["bart"]
    assert all(sentence.strip() in TEXT for sentence in said["bart"].split(". ") if sentence)
    assert said["xln"] in {0, 1}
    assert said["bert"] in range(10)
    headers = {name: answer.headers[f"X-InfoLens-{name}-Version"] for name in ("Bart", "Xln", "Bert")}
    assert headers["Bart"] == headers["Xln"] == "1"

    again = post(told, "predict", {"prediction_id": 77, "text": TEXT})
    assert (again.status_code, again.json()) == (200, said)
    assert post(told, "predict", {"prediction_id": 77, "text": TEXT + " More."}).status_code == 409


def test_a_batch_of_summaries_comes_back_beside_its_file(told, live, tmp_path):
    """Rows in, results beside the file, through the queue and the distributed map."""
    path = tmp_path / "articles.csv"
    with path.open("w", newline="") as file:
        csv.writer(file).writerows([["id", "text"], *[[number, f"{TEXT} Number {number}."] for number in range(5)]])
    code, said, wrong = told.run("upload", "news_summary", str(path), "--batch")
    assert code == 0, said + wrong
    key = "batch/news_summary/articles.csv.results.csv"
    found = told.client("s3").get_object(Bucket=told.outputs["UploadsBucket"], Key=key)["Body"].read().decode()
    rows = list(csv.DictReader(found.splitlines()))
    assert [row["id"] for row in rows] == ["0", "1", "2", "3", "4"]
    assert all(row["summary"] and row["model_version"] == "1" and not row["problem"] for row in rows)
