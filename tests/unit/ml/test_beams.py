"""Beam search and lookup decoding write, token for token, what transformers writes with the same weights."""

import itertools
from dataclasses import replace

import numpy as np
import pytest
import torch
from transformers import BartConfig, BartForConditionalGeneration

from infolens.ml.decoding import DecodingRules, greedy, largest, lookup, write
from infolens.ml.encoder_decoder import EncoderDecoder
from infolens.ml.onnx_session import open_session
from infolens.ml.training.bart_graphs import decoder_shape, write_decoder, write_encoder

VOCABULARY = 90
TEXTS = np.random.default_rng(3).integers(5, VOCABULARY, (4, 30))
NO_TEXTS = None
"""What reads texts, where token ids are given."""

MOST = 14


def random_bart(directory, seed):
    """A BART that wants different words on every step, opened twice: with transformers and as graphs."""
    directory.mkdir()
    torch.manual_seed(seed)
    config = BartConfig(
        vocab_size=VOCABULARY,
        d_model=16,
        encoder_layers=1,
        decoder_layers=2,
        encoder_attention_heads=2,
        decoder_attention_heads=2,
        encoder_ffn_dim=16,
        decoder_ffn_dim=16,
        max_position_embeddings=64,
        init_std=0.6,
        forced_eos_token_id=None,
    )
    model = BartForConditionalGeneration._from_config(config, attn_implementation="eager").eval()
    model.final_logits_bias[0, config.eos_token_id] = 5.0  # sequences of many lengths end
    write_encoder(model, directory / "encoder.onnx")
    write_decoder(model, directory / "decoder.onnx")
    sessions = tuple(open_session(directory / name, 1) for name in ("encoder.onnx", "decoder.onnx"))
    return model, sessions


@pytest.fixture(scope="module")
def bart(tmp_path_factory):
    """One whose beams end after anything from no token to all."""
    return random_bart(tmp_path_factory.mktemp("random") / "bart", 1)


def written(bart, ids, rules):
    """Tokens by the graphs."""
    model, sessions = bart
    predictor = EncoderDecoder(sessions, NO_TEXTS, decoder_shape(model), rules)
    return write(predictor._steps(ids), rules, ids.tolist())


def generated(bart, ids, rules):
    """Tokens by transformers, start and end left out."""
    given = torch.from_numpy(ids).unsqueeze(0)
    (row,) = (
        bart[0]
        .generate(
            input_ids=given,
            attention_mask=torch.ones_like(given),
            do_sample=False,
            num_beams=rules.beams,
            max_new_tokens=rules.max_tokens,
            min_length=rules.min_tokens,
            no_repeat_ngram_size=rules.no_repeat,
            length_penalty=rules.length_penalty if rules.beams > 1 else None,
            early_stopping=rules.early_stopping if rules.beams > 1 else None,
            forced_bos_token_id=rules.forced_first_id,
            forced_eos_token_id=rules.end_id if rules.forced_end else None,
        )
        .tolist()
    )
    row = [token for token in row[1:] if token != bart[0].config.pad_token_id]
    return row[:-1] if row[-1] == rules.end_id else row


CONFIGS = [
    {"beams": beams, "length_penalty": penalty, "early_stopping": stopping, **more}
    for (beams, penalty, stopping), more in zip(
        itertools.product((2, 4), (0.0, 1.0, 2.0, -1.0), (True, False, "never")),
        itertools.cycle(
            [
                {"no_repeat": 2, "min_tokens": 6},
                {"forced_first_id": 0, "no_repeat": 1},
                {"forced_first_id": 0, "forced_end": True, "min_tokens": 9},
                {},
                {"no_repeat": 3, "forced_end": True, "max_tokens": 5},
            ]
        ),
        strict=False,
    )
]


@pytest.mark.parametrize("config", CONFIGS, ids=lambda config: "-".join(map(str, config.values())))
def test_beams_equal_transformers(bart, config):
    """The same tokens, for penalties of either sign, every meaning of early stopping, and all that may be banned."""
    rules = DecodingRules(2, 2, **{"max_tokens": MOST, "forced_end": False} | config)
    for ids in TEXTS:
        assert written(bart, ids, rules) == generated(bart, ids, rules)


@pytest.mark.parametrize("config", CONFIGS[:5], ids=lambda config: "-".join(map(str, config.values())))
@pytest.mark.parametrize("most", [1, 3, 20])
def test_lookup_writes_what_greedy_writes(bart, config, most):
    """Proposals change no token, right or wrong, taken from the text or from what is written already."""
    rules = DecodingRules(2, 2, **{"max_tokens": MOST, "forced_end": False} | config | {"beams": 1})
    for ids in TEXTS:
        wanted = written(bart, ids, rules)
        assert wanted == generated(bart, ids, rules)
        # The model goes on as in the second half of its own summary, so that some proposals are right.
        article = [*ids.tolist(), *wanted[1:9], 7, *wanted[4:]]
        steps = Counted(bart, ids)
        assert lookup(steps, replace(rules, lookup=most), article) == wanted
        alone = Counted(bart, ids)
        assert greedy(alone, rules) == wanted
        assert steps.calls <= alone.calls


class Counted:
    """The steps of one text, counted."""

    def __init__(self, bart, ids):
        """Encode the text."""
        model, sessions = bart
        rules = DecodingRules(2, 2, MOST)
        self._steps = EncoderDecoder(sessions, NO_TEXTS, decoder_shape(model), rules)._steps(ids)
        self.calls = 0
        self.forget = self._steps.forget

    def next_logits(self, tokens):
        """Count."""
        self.calls += 1
        return self._steps.next_logits(tokens)


def test_lookup_takes_fewer_steps(bart):
    """A summary that stands in the text is written in a third of the steps."""
    rules = DecodingRules(2, 2, MOST, forced_end=False, no_repeat=2, min_tokens=MOST)
    wanted = written(bart, TEXTS[0], rules)
    steps = Counted(bart, TEXTS[0])
    assert lookup(steps, replace(rules, lookup=8), [9, *wanted]) == wanted
    assert steps.calls <= 1 + MOST // 3


@pytest.mark.parametrize("count", [1, 3, 8])
@pytest.mark.parametrize("size", [8, 100, 6400, 50265])
def test_largest(count, size):
    """The largest values in their order, the earlier of equal ones first, in vocabularies of any size."""
    row = np.random.default_rng(size).integers(0, size, size).astype(np.float32)
    assert largest(row, count) == np.argsort(-row, kind="stable")[:count].tolist()
