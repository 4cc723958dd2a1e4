"""Answers of two versions, and labels, joined into one record per question and rollout."""

from itertools import permutations

from infolens.joining import join, standing_label
from observation_fakes import AT, FEEDBACK, SPORTS, candidate, champion, label


def test_both_answers_of_one_question_are_a_pair():
    """The record stands at the time of the first answer, and says that the versions agree."""
    (joined,) = join([candidate(), champion()], [], FEEDBACK)
    assert joined.paired
    assert joined.agree is True
    assert (joined.at, joined.parts, joined.label) == (AT, 2, None)
    assert (joined.champion.version, joined.candidate.version) == ("1", "2")
    assert (joined.champion.score, joined.candidate.answer) == (None, "")


def test_disagreement_keeps_both_answers():
    """A person who looks at it sees what each said."""
    (joined,) = join([champion(), candidate(answer=SPORTS)], [], FEEDBACK)
    assert joined.agree is False
    assert '"Politics"' in joined.champion.answer
    assert '"Sports"' in joined.candidate.answer


def test_a_label_scores_both():
    """The candidate that was wrong has 0, the champion that was right 1."""
    (joined,) = join([champion(), candidate(answer=SPORTS)], [label()], FEEDBACK)
    assert (joined.champion.score, joined.candidate.score, joined.label) == (1.0, 0.0, "Politics")
    assert joined.parts == 3


def test_a_fault_is_no_answer_to_compare():
    """A version that failed neither agrees nor scores, and the pair says who failed."""
    (joined,) = join([champion(), candidate(status=500, answer=None)], [label()], FEEDBACK)
    assert joined.agree is None
    assert (joined.candidate.failed, joined.candidate.score) == (True, None)
    assert (joined.champion.failed, joined.champion.score) == (False, 1.0)


def test_the_newest_label_stands():
    """A correction counts from when it was told, in whatever order the two are read."""
    first, second = label("Politics"), label("Sports", at="2026-03-01T14:00:00.000000+00:00")
    for told in permutations((first, second)):
        (joined,) = join([champion()], told, FEEDBACK)
        assert (joined.label, joined.champion.score, joined.parts) == ("Sports", 0.0, 3)
    assert standing_label([]) is None


def test_order_does_not_matter():
    """However the parts come, the record is the same."""
    parts = [champion(), candidate(), label()]
    made = {
        join([x for x in order if x in parts[:2]], [x for x in order if x is parts[2]], FEEDBACK)
        for order in permutations(parts)
    }
    assert len(made) == 1


def test_answers_of_no_rollout_are_no_evidence():
    """A version that takes part in none, and a label without an answer, give no record."""
    assert join([champion(rollout_id="", role="")], [label()], FEEDBACK) == ()
    assert join([], [label()], FEEDBACK) == ()


def test_each_rollout_has_its_own_record():
    """A prediction that was answered in one rollout and copied in the next is told of in both."""
    both = join([champion(), candidate(rollout_id="r2")], [], FEEDBACK)
    assert [(x.rollout_id, x.paired) for x in both] == [("r1", False), ("r2", False)]
