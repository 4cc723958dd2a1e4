"""The predictor of next items: what it says, and what it admits."""

from __future__ import annotations

import numpy as np
import pytest

from infolens.contracts.bundle import BundleManifest
from infolens.ml.sequential_recommender import (
    Catalogue,
    SequentialRecommender,
    latest,
    load,
    scored_items,
)
from infolens.ml.text_classifier import BundleConfigError

CATALOGUE = Catalogue(items=(50, 10, 40, 20, 30), counts=(9, 7, 5, 3, 1), users=(7, 8))


class FixedModel:
    """A session that answers the same logits whatever it is asked, and remembers the questions."""

    def __init__(self, logits):
        self.logits = logits
        self.asked = []

    def run(self, names, given):
        """Answer, as an ONNX session does."""
        assert names == ["logits"]
        self.asked.append({name: value.tolist() for name, value in given.items()})
        return [np.array([self.logits], dtype=np.float32)]


def recommender(logits=(0.0, 1.0, 2.0, 3.0, 4.0), max_length=3):
    """A recommender over a fixed model, and the model."""
    model = FixedModel(list(logits))
    return SequentialRecommender(model, CATALOGUE, max_length), model


def question(sequence, user=7, top_k=3, **more):
    """One checked input."""
    return {"user_id": user, "sequence": sequence, "top_k": top_k, **more}


def test_the_best_items_in_order_without_the_sequence():
    """The items with the highest logits come first, and none of the sequence is among them."""
    asked, model = recommender()
    (answer,) = asked.predict([question([30, 50])])
    assert answer["top_items"] == [20, 40, 10]
    assert answer["scores"] == sorted(answer["scores"], reverse=True)
    assert sum(answer["scores"]) == pytest.approx(1.0, abs=1e-5)
    assert answer["fallback"] == "none"
    assert answer["unknown_items"] == 0
    assert model.asked == [{"items": [[4, 0]], "user": [1]}]


def test_top_k_is_the_longest_list():
    """No more than top_k items, and no more than there are."""
    asked, _ = recommender()
    one, all_of_them = asked.predict([question([50], top_k=1), question([50], top_k=100)])
    assert one["top_items"] == [30]
    assert all_of_them["top_items"] == [30, 20, 40, 10]


def test_of_equal_items_the_more_popular_comes_first():
    """A tie is broken by what is known, not by chance."""
    asked, _ = recommender(logits=(1.0, 1.0, 1.0, 1.0, 1.0))
    assert asked.predict([question([40])])[0]["top_items"] == [50, 10, 20]


def test_an_unknown_user_is_answered_from_the_sequence_and_told_so():
    """Everybody new shares user number 0."""
    asked, model = recommender()
    (answer,) = asked.predict([question([30], user=999)])
    assert answer["fallback"] == "sequence"
    assert answer["top_items"] == [20, 40, 10]
    assert model.asked[0]["user"] == [0]


def test_unknown_items_are_skipped_and_counted_once_each():
    """What the model has never seen is left out and said."""
    asked, model = recommender()
    (answer,) = asked.predict([question([999, 30, 998, 999])])
    assert answer["unknown_items"] == 2
    assert answer["fallback"] == "none"
    assert model.asked[0]["items"] == [[4]]


@pytest.mark.parametrize(("sequence", "unknown"), [([], 0), ([999], 1), ([998, 999, 998], 2)])
@pytest.mark.parametrize("user", [7, 999])
def test_nothing_known_gives_what_is_popular_and_says_so(sequence, unknown, user):
    """Without a known item there is no guess: the most popular items, by their share of choices, and the fallback."""
    asked, model = recommender()
    (answer,) = asked.predict([question(sequence, user=user)])
    assert answer["fallback"] == "popularity"
    assert answer["top_items"] == [50, 10, 40]
    assert answer["scores"] == [0.36, 0.28, 0.2]
    assert answer["unknown_items"] == unknown
    assert model.asked == []


def test_only_the_latest_items_are_read_but_all_are_left_out():
    """The model reads max_length items; older ones are still nothing new."""
    asked, model = recommender(max_length=2)
    (answer,) = asked.predict([question([50, 10, 40, 20], top_k=5)])
    assert model.asked[0]["items"] == [[2, 3]]
    assert answer["top_items"] == [30]


def test_a_user_who_has_everything_gets_an_empty_list():
    """Nothing is left, and no NaN takes its place."""
    asked, _ = recommender(max_length=5)
    (answer,) = asked.predict([question([10, 20, 30, 40, 50], candidates=[10])])
    assert answer["top_items"] == []
    assert answer["scores"] == []
    assert answer["candidate_scores"] == [0.0]


def test_candidates_are_scored_in_their_order():
    """Each candidate has its probability; unknown ones and those of the sequence have none."""
    asked, _ = recommender()
    (answer,) = asked.predict([question([50], candidates=[10, 999, 30, 50])])
    assert answer["candidate_scores"][1] == 0.0
    assert answer["candidate_scores"][3] == 0.0
    assert answer["candidate_scores"][2] == answer["scores"][0]
    assert answer["candidate_scores"][0] > 0.0
    (fallback,) = asked.predict([question([], candidates=[50, 999])])
    assert fallback["candidate_scores"] == [0.36, 0.0]


def test_a_model_that_answers_no_numbers_is_a_fault():
    """NaN is never ranked."""
    asked, _ = recommender(logits=(0.0, np.nan, 0.0, 0.0, 0.0))
    with pytest.raises(ValueError, match="no numbers"):
        asked.predict([question([30])])


def test_scores_sum_to_one():
    """Parity compares probabilities of the same items for every input, fallbacks too."""
    asked, _ = recommender()
    scores = asked.scores([question([30]), question([])])
    assert scores.shape == (2, 5)
    assert scores.sum(axis=1) == pytest.approx([1.0, 1.0])
    assert scores[0, 4] == 0.0
    assert asked.scores([]).shape == (0, 5)


def test_scored_items():
    """A small catalogue is compared whole, a large one on 2,000 items from the most popular to the rarest."""
    assert scored_items(3).tolist() == [0, 1, 2]
    assert len(scored_items(2_000)) == 2_000
    chosen = scored_items(27_000)
    assert len(chosen) == 2_000
    assert (chosen[0], chosen[-1]) == (0, 26_999)


def test_latest():
    """What came back counts where it stands last."""
    assert latest([1, 2, 1, 3]) == [2, 1, 3]
    assert latest([]) == []


@pytest.mark.parametrize(
    ("items", "counts", "users", "reason"),
    [
        ((), (), (), "as many"),
        ((1, 2), (1,), (), "as many"),
        ((1, 1), (2, 1), (), "twice"),
        ((1, 2), (2, 1), (5, 5), "twice"),
        ((1, 2), (1, 2), (), "popular"),
    ],
)
def test_what_can_be_no_catalogue_is_refused(items, counts, users, reason):
    """Empty, of two lengths, with repetitions, or in another order than that of popularity."""
    with pytest.raises(ValueError, match=reason):
        Catalogue(items, counts, users)


def test_a_catalogue_is_read_as_it_was_written(tmp_path):
    """JSON in between changes nothing."""
    CATALOGUE.write(tmp_path / "catalogue.json")
    assert Catalogue.read(tmp_path / "catalogue.json") == CATALOGUE


@pytest.mark.parametrize(
    "text", ["", "[]", "{}", '{"items": [1], "counts": [1]}', '{"items": 1, "counts": 1, "users": 1}']
)
def test_a_file_that_is_no_catalogue_is_named(tmp_path, text):
    """A damaged file is a reason in words."""
    (tmp_path / "catalogue.json").write_text(text)
    with pytest.raises(BundleConfigError, match=r"catalogue\.json"):
        Catalogue.read(tmp_path / "catalogue.json")


def manifest(predictor="sequential_recommender", **config):
    """A manifest with this config."""
    return BundleManifest("movie_recommendation", predictor, "r", "d", "c", config, {}, ())


@pytest.mark.parametrize(
    ("given", "reason"),
    [
        (manifest(predictor="text_classifier", max_length=5), "text_classifier"),
        (manifest(), "max_length"),
        (manifest(max_length="5"), "max_length"),
        (manifest(max_length=0), "max_length"),
    ],
)
def test_a_bundle_of_another_kind_is_refused(tmp_path, given, reason):
    """The message says what is wrong with the manifest."""
    with pytest.raises(BundleConfigError, match=reason):
        load(tmp_path, given, threads=1)
