"""One training of a task goes on at a time; a dead owner is succeeded, and the newest dataset is never forgotten."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from infolens import codec
from infolens.aws.objects import Found, WriteRefusedError
from infolens.contracts.training_run import Turn
from infolens.ingest.dataset import Head
from infolens.usecases.training_order import TrainingRefusedError
from infolens.usecases.turns import Asking, TurnPorts, take_turn
from serving_fakes import FakeObjects
from training_fakes import ORDER

NOW = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)
KEY = ("models", "turns/news_category.json")


class Conditional(FakeObjects):
    """Objects whose etag is their content, so that If-Match means something."""

    def read(self, bucket, key, version=""):
        """See ObjectStore."""
        return Found(data := super().read(bucket, key).data, data.decode())

    def replace(self, bucket, key, data, etag):
        """See ObjectStore."""
        if self.read(bucket, key).etag != etag:
            raise WriteRefusedError(key)
        return self.write(bucket, key, data)


def ports(running=(), ended=(), objects=None, now=NOW) -> TurnPorts:
    """The world with some executions that run and some that have ended; others never were."""
    known = dict.fromkeys(running, True) | dict.fromkeys(ended, False)
    return TurnPorts(objects or Conditional(), "data", "models", known.get, lambda: now)


def ask(world: TurnPorts, name="mine", *, waited=timedelta(0), **more):
    """Ask for the turn."""
    return take_turn(Asking(replace(ORDER, **more), name, world.now() - waited), world)


def owner(world: TurnPorts) -> str:
    """Whose turn it is."""
    return codec.from_json(Turn, world.objects.data[KEY]).execution_arn


def test_first_one_goes():
    """Nobody has trained the task before."""
    world = ports()
    assert ask(world).answer == "go"
    assert owner(world) == "mine"


def test_asking_again_changes_nothing():
    """An answer that was lost on its way is given again."""
    world = ports(running=["mine"])
    ask(world)
    assert ask(world).answer == "go"


def test_second_one_waits_and_is_told_for_whom():
    """While the owner runs, nobody else goes on."""
    world = ports(running=["first"])
    ask(world, "first")
    found = ask(world, "second")
    assert (found.answer, found.seconds) == ("wait", 5)
    assert found.reason == "first has the turn since 2026-11-21T12:00:00+00:00"
    assert owner(world) == "first"


def test_each_task_has_its_own_turn():
    """Another task does not wait."""
    world = ports(running=["first"])
    ask(world, "first")
    assert ask(world, "second", task="toxicity").answer == "go"


def test_owner_that_ended_is_succeeded():
    """However it ended: it gives nothing back."""
    world = ports(ended=["first"])
    ask(world, "first")
    assert ask(world, "second").answer == "go"
    assert owner(world) == "second"


@pytest.mark.parametrize(("seconds", "answer"), [(59, "wait"), (60, "go")])
def test_owner_that_is_not_found_is_dead_after_a_minute(seconds, answer):
    """Step Functions may not know an execution yet that was started a moment ago; later it has forgotten it."""
    world = ports()
    ask(world, "first")
    assert ask(ports(objects=world.objects, now=NOW + timedelta(seconds=seconds)), "second").answer == answer


def test_two_that_ask_at_once_do_not_both_go():
    """The write that comes second is refused, and its execution sees the owner that was faster."""

    class Raced(Conditional):
        def replace(self, bucket, key, data, etag):
            if ask(ports(running=["faster"], ended=["first"], objects=plain), "faster").answer == "go":
                self.data = plain.data
            return super().replace(bucket, key, data, etag)

    plain, raced = Conditional(), Raced()
    ask(ports(objects=plain), "first")
    raced.data = dict(plain.data)
    assert ask(ports(running=["faster"], ended=["first"], objects=raced), "slower").answer == "wait"
    assert owner(ports(objects=raced)) == "faster"


def test_first_write_of_two_wins():
    """Where there has been no turn yet, too."""

    class Raced(Conditional):
        def create(self, bucket, key, data, content_type=""):
            super().create(bucket, key, codec.to_json(Turn("faster", "d", NOW.isoformat())))
            return super().create(bucket, key, data)

    assert ask(ports(running=["faster"], objects=Raced()), "slower").answer == "wait"


def with_head(dataset_id: str, **more) -> TurnPorts:
    """The world with a newest dataset."""
    world = ports(**more)
    world.objects.data["data", "datasets/news_category/head.json"] = codec.to_json(Head("news_category", dataset_id))
    return world


def test_older_dataset_gives_way():
    """An upload that came while it waited has an execution of its own; training both would be for nothing."""
    found = ask(with_head("newer"), give_way=True)
    assert (found.answer, found.reason) == (
        "give way",
        "dataset newer is newer than 12e456789012 and is trained instead",
    )


def test_newest_dataset_never_gives_way():
    """Nor does the only one that there is."""
    assert ask(with_head(ORDER.dataset_id), give_way=True).answer == "go"
    assert ask(ports(), give_way=True).answer == "go"
    assert ask(with_head(ORDER.dataset_id, running=["first"]), "second", give_way=True).answer == "go"


def test_operator_may_train_an_old_dataset():
    """Only uploads give way."""
    assert ask(with_head("newer")).answer == "go"


@pytest.mark.parametrize(
    ("waited", "pause"), [(0, 5), (59, 5), (60, 6), (600, 60), (6000, 600), (6010, 600), (604_800, 600)]
)
def test_pauses_grow_with_the_wait(waited, pause):
    """A tenth of what was waited already, between five seconds and ten minutes."""
    world = ports(running=["first"])
    ask(world, "first")
    assert ask(world, "second", waited=timedelta(seconds=waited)).seconds == pause


def test_wait_has_an_end():
    """After a week the run is refused, with the reason."""
    world = ports(running=["first"])
    ask(world, "first")
    with pytest.raises(TrainingRefusedError, match="waited 7 days for its turn: first has the turn"):
        ask(world, "second", waited=timedelta(days=7, seconds=1))


def test_week_of_waiting_fits_into_an_execution():
    """Step Functions ends an execution with 25,000 events; each round has some eleven."""
    waited, rounds = 0.0, 0
    while waited < timedelta(days=7).total_seconds():
        waited += max(5, min(600, int(waited / 10)))
        rounds += 1
    assert rounds * 11 < 20_000
