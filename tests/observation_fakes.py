"""Literals and fakes with behaviour for observations: the table in memory, answers and labels."""

from dataclasses import replace

from infolens.contracts.observation import CANDIDATE, CHAMPION, SHADOW, Answer, Label
from infolens.tasks import feedback_of
from infolens.usecases.observations import ObservationPorts
from rollout_fakes import TASK

AT = "2026-03-01T12:00:10.000000+00:00"
POLITICS = {"label_id": 1, "label": "Politics", "confidence": 0.93}
SPORTS = {"label_id": 8, "label": "Sports", "confidence": 0.51}
FEEDBACK = feedback_of(TASK)


def champion(**others):
    """What version 1 answered a user."""
    base = Answer(TASK, "7", "1", "", 200, null=False, answer=POLITICS, milliseconds=20.0, cold=False, gb=2.0, at=AT)
    return replace(base, **{"rollout_id": "r1", "role": CHAMPION, **others})


def candidate(**others):
    """What version 2 answered to a copy of the same question, a moment later."""
    later = "2026-03-01T12:00:11.000000+00:00"
    return replace(champion(), **{"version": "2", "purpose": SHADOW, "role": CANDIDATE, "at": later, **others})


def label(told="Politics", at="2026-03-01T13:00:00.000000+00:00", **others):
    """What somebody said later."""
    return replace(Label(TASK, "7", told, at), **others)


class FakeObservations:
    """`Observations` in a dict."""

    def __init__(self):
        self.answers = {}
        self.labels = {}
        self.joined = {}
        self.after_add = None

    def add_answer(self, answer):
        """See Observations."""
        self.answers.setdefault((answer.task, answer.prediction_id, answer.version), answer)
        self._step_in()

    def add_label(self, label):
        """See Observations."""
        self.labels.setdefault((label.task, label.prediction_id, label.at, str(label.label)), label)
        self._step_in()

    def of(self, task, prediction_id):
        """See Observations."""
        answers = tuple(x for key, x in self.answers.items() if key[:2] == (task, prediction_id))
        return answers, tuple(x for key, x in self.labels.items() if key[:2] == (task, prediction_id))

    def put_joined(self, joined):
        """See Observations."""
        key = joined.rollout_id, joined.task, joined.prediction_id
        if key not in self.joined or self.joined[key].parts <= joined.parts:
            self.joined[key] = joined

    def of_rollout(self, rollout_id, since, limit):
        """See Observations."""
        found = [x for x in self.joined.values() if x.rollout_id == rollout_id and x.at >= since.isoformat()]
        return tuple(sorted(found, key=lambda x: x.at, reverse=True)[:limit])

    def _step_in(self):
        if self.after_add:
            step_in, self.after_add = self.after_add, None
            step_in()


def observation_ports(record=None, observations=None):
    """Ports around a table and a task's rollout."""
    return ObservationPorts(observations or FakeObservations(), lambda task: record, lambda task: FEEDBACK)


def make_observations_table(dynamodb, name):
    """Create a table with the template's keys and index."""
    keys = {"prediction": "HASH", "item": "RANGE"}, {"rollout_id": "HASH", "at": "RANGE"}
    table, index = ([{"AttributeName": key, "KeyType": kind} for key, kind in schema.items()] for schema in keys)
    dynamodb.create_table(
        TableName=name,
        BillingMode="PAY_PER_REQUEST",
        AttributeDefinitions=[{"AttributeName": key, "AttributeType": "S"} for schema in keys for key in schema],
        KeySchema=table,
        GlobalSecondaryIndexes=[
            {"IndexName": "rollout", "KeySchema": index, "Projection": {"ProjectionType": "ALL"}},
        ],
    )
