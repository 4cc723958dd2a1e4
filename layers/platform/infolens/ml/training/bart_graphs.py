"""A BART as the two graphs that serve it: the encoder with cross attention's keys and values, and a decoder step.

The graphs are the model's own modules in an order of our own, so its weights are used as they are. One text at a time,
without padding. Beams lie along the first axis of tokens and caches; for the cross attention they are more queries of
one text, whose keys and values keep one row for all of them.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast

import torch
from torch import Tensor, nn

from infolens.ml.encoder_decoder import DecoderShape
from infolens.ml.training.onnx_export import trace

if TYPE_CHECKING:
    from pathlib import Path

    from transformers import BartForConditionalGeneration

_POSITION_OFFSET = 2
"""BART keeps two rows before its first position (transformers: BartLearnedPositionalEmbedding)."""

_HIDDEN = -1e9
"""Added to the attention of a token to those after it, whose weight is then nothing in 32 bits."""


def decoder_shape(model: BartForConditionalGeneration) -> DecoderShape:
    """Say how the caches of a model look."""
    config = cast("Any", model.config)
    return DecoderShape(
        config.decoder_layers, config.decoder_attention_heads, config.d_model // config.decoder_attention_heads
    )


class EncoderGraph(nn.Module):
    """Token ids -> keys and values of every decoder layer's cross attention."""

    def __init__(self, model: BartForConditionalGeneration) -> None:
        """Take a model's encoder and the projections of its decoder layers."""
        super().__init__()
        inner = cast("Any", model).model
        self.encoder = inner.encoder
        self.layers = inner.decoder.layers
        self.shape = decoder_shape(model)

    def forward(self, input_ids: Tensor) -> tuple[Tensor, ...]:
        """Give, for each layer, keys (1, heads, head size, tokens) and values (1, heads, tokens, head size)."""
        states = self.encoder(input_ids=input_ids).last_hidden_state
        crossing: list[Tensor] = []
        for layer in self.layers:
            attention = cast("Any", layer).encoder_attn
            keys = _by_head(attention.k_proj(states), self.shape).transpose(2, 3)
            crossing += [keys, _by_head(attention.v_proj(states), self.shape)]
        return tuple(crossing)


class DecoderGraph(nn.Module):
    """Some tokens and what was kept of those before -> logits after each, and what is to be kept."""

    def __init__(self, model: BartForConditionalGeneration) -> None:
        """Take a model's decoder and the layer that gives logits."""
        super().__init__()
        self.decoder = cast("Any", model).model.decoder
        self.head = cast("Any", model).lm_head
        self.register_buffer("bias", cast("Any", model).final_logits_bias)
        self.shape = decoder_shape(model)
        self.joined = nn.ModuleList(_joined(layer.self_attn) for layer in self.decoder.layers)

    def forward(self, tokens: Tensor, *caches: Tensor) -> tuple[Tensor, ...]:
        """Make one step.

        Args:
            tokens: shape (beams, count).
            caches: for each layer past keys and values, shape (beams, heads, past, head size), then the encoder
                graph's keys and values.

        Returns:
            logits, shape (beams, count, vocabulary), then keys and values of each layer, `count` tokens longer.
        """
        decoder, shape = self.decoder, self.shape
        beams, count = tokens.shape
        past = caches[0].shape[2]
        places = torch.arange(count) + past
        later = torch.arange(count + past) > places.unsqueeze(1)
        hidden = later.to(torch.float32) * _HIDDEN
        states = decoder.embed_tokens(tokens)
        states = decoder.layernorm_embedding(
            states + nn.functional.embedding(places + _POSITION_OFFSET, decoder.embed_positions.weight)
        )
        kept: list[Tensor] = []
        for number, (layer, joined) in enumerate(zip(decoder.layers, self.joined, strict=True)):
            past_keys, past_values, cross_keys, cross_values = caches[4 * number : 4 * number + 4]
            queries, keys, values = (_by_head(part, shape) for part in joined(states).chunk(3, dim=-1))
            keys = torch.cat([past_keys, keys], dim=2)
            values = torch.cat([past_values, values], dim=2)
            kept += [keys, values]
            weights = torch.softmax(queries * layer.self_attn.scaling @ keys.transpose(2, 3) + hidden, dim=-1)
            own = layer.self_attn.out_proj(_side_by_side(weights @ values))
            states = layer.self_attn_layer_norm(states + own)
            # The beams' tokens are the queries of one text: its keys and values are read once for all of them.
            queries = layer.encoder_attn.q_proj(states) * layer.encoder_attn.scaling
            queries = _by_head(queries.view(1, beams * count, -1), shape)
            crossed = _side_by_side(torch.softmax(queries @ cross_keys, dim=-1) @ cross_values)
            crossed = layer.encoder_attn.out_proj(crossed.view(beams, count, -1))
            states = layer.encoder_attn_layer_norm(states + crossed)
            widened = layer.fc2(layer.activation_fn(layer.fc1(states)))
            states = layer.final_layer_norm(states + widened)
        return (self.head(states) + self.bias, *kept)


def _joined(attention: nn.Module) -> nn.Linear:
    """Make one projection of an attention's queries, keys and values: a third of the calls, the same products."""
    parts: list[nn.Linear] = [getattr(attention, f"{name}_proj") for name in "qkv"]
    joined = nn.Linear(parts[0].in_features, 3 * parts[0].out_features)
    with torch.no_grad():
        joined.weight.copy_(torch.cat([part.weight for part in parts]))
        joined.bias.copy_(torch.cat([part.bias for part in parts]))
    return joined


def _side_by_side(heads: Tensor) -> Tensor:
    """Shape (texts, heads, tokens, head size) -> (texts, tokens, width)."""
    return heads.transpose(1, 2).flatten(start_dim=2)


def _by_head(states: Tensor, shape: DecoderShape) -> Tensor:
    """Shape (texts, tokens, width) -> (texts, heads, tokens, head size)."""
    return states.view(*states.shape[:2], shape.heads, shape.head_size).transpose(1, 2)


@dataclass(frozen=True)
class _Names:
    """What a graph's inputs and outputs are called, and which of their dimensions are free."""

    inputs: list[str]
    outputs: list[str]
    free: dict[str, dict[int, str]]


def write_encoder(model: BartForConditionalGeneration, path: Path) -> None:
    """Trace the encoder graph into an ONNX file with a free number of tokens."""
    graph = EncoderGraph(model).eval()
    outputs = [f"cross_{part}_{layer}" for layer in range(graph.shape.layers) for part in ("key", "value")]
    free = {"input_ids": {1: "tokens"}} | {name: {3 if "key" in name else 2: "tokens"} for name in outputs}
    example = torch.ones((1, 8), dtype=torch.int64)  # a dimension of one would be traced as a constant
    _export(graph, (example,), path, _Names(["input_ids"], outputs, free))


def write_decoder(model: BartForConditionalGeneration, path: Path) -> None:
    """Trace the decoder graph into an ONNX file with free numbers of beams and of tokens: given, kept, of the text."""
    graph = DecoderGraph(model).eval()
    shape = graph.shape
    past = torch.zeros((2, shape.heads, 3, shape.head_size))
    crossing = torch.zeros((1, shape.heads, 5, shape.head_size))
    given: list[Tensor] = [torch.ones((2, 4), dtype=torch.int64)]
    names = _Names(["tokens"], ["logits"], {"tokens": {0: "beams", 1: "count"}, "logits": {0: "beams", 1: "count"}})
    for layer in range(shape.layers):
        given += [past, past, crossing.transpose(2, 3), crossing]
        names.inputs.extend(f"{kind}_{part}_{layer}" for kind in ("past", "cross") for part in ("key", "value"))
        names.outputs.extend((f"key_{layer}", f"value_{layer}"))
        for part in ("key", "value"):
            names.free[f"past_{part}_{layer}"] = {0: "beams", 2: "past"}
            names.free[f"{part}_{layer}"] = {0: "beams", 2: "kept"}
            names.free[f"cross_{part}_{layer}"] = {3 if part == "key" else 2: "tokens"}
    _export(graph, tuple(given), path, names)


def _export(graph: nn.Module, given: tuple[Tensor, ...], path: Path, names: _Names) -> None:
    trace(graph, given, path, inputs=names.inputs, outputs=names.outputs, free=names.free)
