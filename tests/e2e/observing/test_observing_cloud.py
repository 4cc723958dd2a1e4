"""From a user's question to the evidence of a rollout: log lines, copies and labels, through the template's parts."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from api_cloud import ANSWERS, API, TEXT, Api
from cloud_parts import until
from infolens.aws.observations import DynamoObservations
from infolens.aws.rollouts import DynamoRollouts
from infolens.contracts.rollout import AliasState, HistoryEvent, Shadow
from infolens.rollout.sides import bucket_of, version_for
from rollout_fakes import PLAN, TASK, record

pytestmark = [pytest.mark.cloud, pytest.mark.timeout(600)]

LINES = [f"Predict{name}{kind}" for name in ("NewsCategory", "NewsSummary", "FakeNews") for kind in ("Logs", "Lines")]
RESOURCES = (*API, "RecordAnswers", "UnrecordedAnswers", "LogsMayBeRecorded", "Shadow", *LINES)
SPORTS = {"label_id": 8, "label": "Sports", "confidence": 0.6}
BEGINNING = datetime(2020, 1, 1, tzinfo=UTC)


class Observed(Api):
    """The API with everything that observes it, and a rollout of version 2 of news_category in its shadow."""

    def __init__(self, cloud):
        super().__init__(cloud, RESOURCES)
        self.table_of = DynamoObservations(self.observations, cloud.client("dynamodb"))
        self.store = DynamoRollouts(self.rollouts, cloud.client("dynamodb"))
        self.candidate = self.publish(TASK, SPORTS)
        self.record = record(
            candidate=self.candidate, plan=replace(PLAN, shadow=Shadow(min_pairs=100, max_seconds=600)), step=-1
        )
        started = HistoryEvent(TASK, "r1", self.record.step_started_at, "me", "started", "1", "2", 0, (), {})
        self.store.claim(self.record, started)

    def ask(self, prediction_id):
        """A user's question to the task of the rollout."""
        reply = self.send(f"/tasks/{TASK}/predictions", {"prediction_id": prediction_id, "text": TEXT})
        assert (reply.status, reply.body["label"], reply.body["model_version"]) == (200, "Politics", "1")

    def version_for(self, user):
        """Version that answers a user."""
        reply = self.send(f"/tasks/{TASK}/predictions", {"text": TEXT}, X_InfoLens_User=user)
        assert reply.status == 200
        return reply.body["model_version"]

    def joined(self, prediction_id):
        """What is known of a question in the rollout, or None."""
        found = self.table_of.of_rollout("r1", BEGINNING, 1000)
        return next((one for one in found if one.prediction_id == str(prediction_id)), None)


@pytest.fixture(scope="module")
def api(cloud):
    """The API with everything that observes it."""
    return Observed(cloud)


def test_questions_become_pairs_and_their_users_hear_the_champion(api):
    """Each question is answered by the champion, and by the candidate to nobody; the two are joined as one pair."""
    for prediction_id in (101, 102, 103):
        api.ask(prediction_id)
    for prediction_id in (101, 102, 103):
        pair = until(lambda asked=prediction_id: (x := api.joined(asked)) and x.paired and x)
        assert (pair.champion.version, pair.champion.purpose, pair.champion.kind) == ("1", "", "Politics")
        assert (pair.candidate.version, pair.candidate.purpose, pair.candidate.kind) == (
            api.candidate,
            "shadow",
            "Sports",
        )
        assert pair.agree is False
    assert len(api.table_of.of_rollout("r1", BEGINNING, 1000)) == 3


def test_a_label_scores_both_versions(api):
    """The first is recorded, the same again changes nothing, and a correction stands."""
    api.ask(110)
    until(lambda: (x := api.joined(110)) and x.paired)
    told = [api.send("/feedback", {"prediction_id": 110, "label": label}) for label in ("politics", 1, "Sports")]
    assert [(reply.status, reply.body["outcome"]) for reply in told] == [
        (200, "recorded"),
        (200, "same"),
        (200, "corrected"),
    ]
    pair = until(lambda: (x := api.joined(110)) and x.label == "Sports" and x)
    assert (pair.champion.score, pair.candidate.score) == (0.0, 1.0)


def test_a_label_ahead_of_its_answer_is_joined(api):
    """Whoever writes second finds the first."""
    assert api.send("/feedback", {"prediction_id": 120, "label": "Sports"}).status == 404
    reply = api.send("/feedback", {"prediction_id": 120, "label": "Sports", "task": TASK})
    assert (reply.status, reply.body["outcome"]) == (202, "awaiting")
    api.ask(120)
    pair = until(lambda: (x := api.joined(120)) and x.paired and x)
    assert (pair.champion.score, pair.candidate.score) == (0.0, 1.0)


def test_the_three_models_of_s0_are_observed_under_one_id(api):
    """Only the task with a rollout gets a copy; a label needs its task."""
    assert api.predict(130).status == 200
    until(lambda: (x := api.joined(130)) and x.paired)
    for task in ANSWERS:
        assert until(lambda asked=task: api.table_of.of(asked, "130")[0])
    assert [answer.version for answer in api.table_of.of("fake_news", "130")[0]] == ["1"]
    assert api.send("/feedback", {"prediction_id": 130, "label": 0}).body["field"] == "task"
    assert api.send("/feedback", {"prediction_id": 130, "label": 0, "task": "fake_news"}).body["label"] == "fake"


def test_a_user_stays_on_a_side_while_the_weight_rises(api):
    """At 30 % and at 70 %: each user's version is that of the bucket, however often they ask, and none comes back."""
    users = [f"user {number}" for number in range(12)]
    kept = replace(api.record, plan=replace(PLAN, sticky=True), step=0)
    api.store.replace(api.record, kept)
    sides = {}
    try:
        for weight in (30, 70):
            api.move(TASK, "1", api.candidate, weight / 100)
            alias = AliasState("1", api.candidate, weight, "")
            sides[weight] = [version_for(bucket_of("r1", user), alias) for user in users]
            assert len(set(sides[weight])) == 2
            until(lambda expected=sides[weight]: [api.version_for(user) for user in users] == expected)
            assert [api.version_for(user) for user in users for _ in range(2)] == [
                version for version in sides[weight] for _ in range(2)
            ]
    finally:
        api.move(TASK, "1")
        api.store.replace(kept, api.record)
    assert all(later == api.candidate for first, later in zip(*sides.values(), strict=True) if first == api.candidate)


def test_a_rollout_that_is_over_asks_its_candidate_nothing(api):
    """The last of this module: copies that are still sent, since the API may not know yet, are dropped."""
    over = replace(api.record, status="rolled_back")
    api.store.replace(api.record, over)
    api.ask(140)
    until(lambda: api.table_of.of(TASK, "140")[0])
    sqs = api.cloud.client("sqs")
    (queue,) = [url for url in sqs.list_queues()["QueueUrls"] if "ShadowQueue" in url and api.stack in url]
    names = [f"ApproximateNumberOfMessages{kind}" for kind in ("", "Delayed", "NotVisible")]

    def empty():
        seen = sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=names)["Attributes"]
        return {int(count) for count in seen.values()} == {0}

    until(empty)
    assert [answer.version for answer in api.table_of.of(TASK, "140")[0]] == ["1"]
