"""A served BART writes, token for token, what transformers writes with the same weights, and never nothing."""

import json
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from transformers import BartForConditionalGeneration

from infolens.contracts.bundle import BundleManifest
from infolens.ml import decoder_steps
from infolens.ml.bundle import digest_of, verify
from infolens.ml.encoder_decoder import PROBE_BUCKETS, folded, open_tokens
from infolens.ml.parity import compare
from infolens.ml.text_classifier import BundleConfigError
from infolens.ml.tokens import TextTokens
from infolens.ml.training.seq2seq_export import export_seq2seq
from infolens.ml.training.seq2seq_training import train_seq2seq
from infolens.tasks.news_summary.gates import PARITY
from infolens.tasks.news_summary.predict import load
from summary_fakes import PAIRS, SHORT_TEXTS, TINY_BART, export_job, tiny_bart, training_job

LONG = " ".join(SHORT_TEXTS)


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """A tiny BART, trained with LoRA for some steps, merged, and exported in 32 bits and in int8."""
    directory = tmp_path_factory.mktemp("bart")
    base = tiny_bart(directory / "base")
    train_seq2seq(training_job(directory, base_model=str(base)), TINY_BART, PAIRS[:32], PAIRS[32:])
    export_seq2seq(export_job(directory, "fp32"), PAIRS, int8=False)
    export_seq2seq(export_job(directory, "int8"), PAIRS, PAIRS[:32])
    return directory


def served(directory, name):
    """The bundle as the predict function opens it."""
    bundle = directory / name / "bundle"
    return load(bundle, verify(bundle, digest_of(bundle)))


@pytest.mark.parametrize(
    "text",
    [*SHORT_TEXTS[::5], LONG, "x", "今天下雨。他走了。", "fox " * 40, "?", "The red fox"],
    ids=lambda text: text[:20],
)
def test_equal_to_transformers(trained, text):
    """The graphs with their caches write what `generate` writes greedily, short texts and texts that are cut."""
    predictor = served(trained, "fp32")
    model = BartForConditionalGeneration.from_pretrained(trained / "model").eval()
    ids = torch.from_numpy(predictor._tokens.ids(text)).unsqueeze(0)
    assert ids.shape[1] <= TINY_BART.max_input
    wanted = model.generate(
        input_ids=ids,
        attention_mask=torch.ones_like(ids),
        num_beams=1,
        do_sample=False,
        max_new_tokens=TINY_BART.max_output,
        no_repeat_ngram_size=TINY_BART.no_repeat,
    )[0].tolist()
    written = [2, *predictor.tokens(text)]
    assert written == (wanted[:-1] if wanted[-1] == 2 else wanted)
    assert len(written) > 3


def test_scores_equal_the_trained_models(trained):
    """In 32 bits the scores are those of transformers' own forward pass up to rounding; every row sums to one."""
    reference = json.loads((trained / "fp32" / "reference.json").read_text())
    scores = served(trained, "fp32").scores(reference["inputs"])
    assert scores.shape == (len(PAIRS), PROBE_BUCKETS)
    assert scores.sum(axis=1) == pytest.approx(1.0, abs=1e-5)
    report = compare(scores, reference["scores"], "digest")
    assert report.max_difference < 1e-5
    assert report.label_flips == 0.0


def test_int8_parity(trained):
    """int8 passes the task's parity gate, and is smaller."""
    reference = json.loads((trained / "int8" / "reference.json").read_text())
    report = compare(served(trained, "int8").scores(reference["inputs"]), reference["scores"], "digest")
    assert 0.0 < report.mean_difference <= PARITY.max_mean_difference
    assert report.label_flips <= PARITY.max_label_flips
    for name in ("encoder.onnx", "decoder.onnx"):
        sizes = [(trained / kind / "bundle" / name).stat().st_size for kind in ("fp32", "int8")]
        assert sizes[1] < 0.7 * sizes[0]


def test_parity_sees_broken_caches(trained, monkeypatch):
    """A planted fault, caches that forget all but the last token, does not pass the parity gate."""

    class Forgetful(decoder_steps.TreeSteps):
        """Keeps one token."""

        def next_logits(self, token):
            """Forget what came before."""
            logits = super().next_logits(token)
            self._paths = self._paths[:, -1:]
            return logits

    reference = json.loads((trained / "fp32" / "reference.json").read_text())
    predictor = served(trained, "fp32")
    monkeypatch.setattr(decoder_steps, "TreeSteps", Forgetful)
    report = compare(predictor.scores(reference["inputs"]), reference["scores"], "digest")
    assert report.mean_difference > PARITY.max_mean_difference


def test_answers(trained):
    """An answer says that it was written; equal texts get equal answers, whatever stands beside them."""
    predictor = served(trained, "int8")
    first, second = predictor.predict([{"text": SHORT_TEXTS[0]}, {"text": SHORT_TEXTS[1]}])
    assert first["kind"] == "written"
    assert first["summary"].strip()
    assert first["sentences"] == []
    assert predictor.predict([{"text": SHORT_TEXTS[1]}]) == [second]


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ("One fox ran. " * 60, "One fox ran."),  # ends with a whole sentence
        ("word " * 200, ""),  # no sentence ends: cut between tokens
        ("Short. " + "word " * 200, ""),  # the only end would leave nearly nothing
        ("One fox ran. It", " It"),  # all of it fits
    ],
)
def test_cut_at_a_sentence_end(trained, text, kept):
    """What is too long ends with its last whole sentence, if that leaves at least half of what fits."""
    path = trained / "model" / "tokenizer.json"
    tokens = open_tokens(path, 96)
    ids, plain = tokens.ids(text).tolist(), TextTokens(path, 96).ids(text).tolist()
    assert len(plain) - (10 if kept else 0) <= len(ids) <= len(plain) <= 96
    assert (ids[0], ids[-1]) == (plain[0], plain[-1])
    cut = tokens.text(ids)
    assert text.startswith(cut)
    assert cut.endswith(kept)


class OldDecoder:
    """A decoder graph as it was exported before it took several tokens; its logits are the token and its position."""

    def get_outputs(self):
        """No names are asked for."""
        return []

    def get_inputs(self):
        """The inputs that tell it."""
        return [SimpleNamespace(name="token"), SimpleNamespace(name="position")]

    def run(self, _names, given):
        """Keep a number for each token."""
        beams = len(given["token"])
        logits = np.full((beams, 2), given["position"][0], dtype=np.float32)
        logits[:, 0] = given["token"][:, 0]
        longer = [np.pad(given[f"past_{name}_0"], ((0, 0), (0, 0), (0, 1), (0, 0))) for name in ("key", "value")]
        return [logits, *longer]


def test_old_decoders():
    """A bundle whose decoder takes one token a call is given several one after the other, each with its position."""
    steps = decoder_steps.steps_over(OldDecoder(), decoder_steps.DecoderShape(1, 1, 1), {})
    assert steps.next_logits(np.array([[7, 8]])).tolist() == [[[7, 0], [8, 1]]]
    steps.forget(1)
    assert steps.next_logits(np.array([[9]])).tolist() == [[[9, 1]]]


def test_never_empty(trained):
    """Where the model ends at once, the first sentence is the summary, and the answer says so."""
    predictor = served(trained, "fp32")
    predictor.tokens = lambda _text: []
    assert predictor.predict([{"text": "It rained. He left."}]) == [
        {"summary": "It rained.", "kind": "first_sentence", "sentences": [0]}
    ]


def test_most_tokens(trained):
    """No summary has more tokens than the config says, whatever the text."""
    predictor = served(trained, "int8")
    assert all(len(predictor.tokens(text)) < TINY_BART.max_output for text in (*SHORT_TEXTS[:4], LONG))


def test_folded():
    """Probabilities of ids that are equal modulo 256 are summed; the sum of all stays one."""
    logits = np.full(600, -1e9, dtype=np.float32)
    logits[[3, 259, 5]] = 0.0
    groups = folded(logits)
    assert groups[3] == pytest.approx(2 / 3)
    assert groups[5] == pytest.approx(1 / 3)


def manifest(predictor: str, config: dict[str, object]) -> BundleManifest:
    """A manifest of no files."""
    return BundleManifest("news_summary", predictor, "r", "d", "c", config, {}, ())


@pytest.mark.parametrize(
    ("predictor", "config", "told"),
    [
        ("text_classifier", {}, "is for predictor 'text_classifier'"),
        ("encoder_decoder", {"max_input": 9}, "must hold 'max_input', 'decoder' and 'rules'"),
        ("encoder_decoder", {"max_input": 9, "decoder": {"layers": 1}, "rules": {}}, "must hold"),
        ("sentence_ranker", {}, "must hold 'rules'"),
    ],
)
def test_other_bundles(tmp_path, predictor, config, told):
    """A bundle of another predictor, or one whose config lacks something, is refused with what is missing."""
    with pytest.raises(BundleConfigError, match=told):
        load(tmp_path, manifest(predictor, config))
