"""A BART as the two graphs that serve it: the encoder with the cross attention's keys and values, one decoder step.

The graphs are the model's own modules in an order of our own, so its weights are used as they are. One text at a time,
without padding: no masks. Beams, when they come, lie along the first axis of token and caches; the cross attention's
keys and values keep one row for all of them.
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
    """One token and what was kept of those before -> logits of the next, and what is to be kept."""

    def __init__(self, model: BartForConditionalGeneration) -> None:
        """Take a model's decoder and the layer that gives logits."""
        super().__init__()
        self.decoder = cast("Any", model).model.decoder
        self.head = cast("Any", model).lm_head
        self.register_buffer("bias", cast("Any", model).final_logits_bias)
        self.shape = decoder_shape(model)

    def forward(self, token: Tensor, position: Tensor, *caches: Tensor) -> tuple[Tensor, ...]:
        """Make one step.

        Args:
            token: shape (beams, 1).
            position: how many tokens came before, shape (1,).
            caches: for each layer past keys and values, shape (beams, heads, past, head size), then the encoder
                graph's keys and values.

        Returns:
            logits, shape (beams, vocabulary), then keys and values of each layer, one token longer.
        """
        decoder = self.decoder
        places = nn.functional.embedding(position + _POSITION_OFFSET, decoder.embed_positions.weight)
        states = decoder.layernorm_embedding(decoder.embed_tokens(token) + places)
        kept: list[Tensor] = []
        for number, layer in enumerate(decoder.layers):
            past_keys, past_values, cross_keys, cross_values = caches[4 * number : 4 * number + 4]
            own = layer.self_attn
            keys = torch.cat([past_keys, _by_head(own.k_proj(states), self.shape)], dim=2)
            values = torch.cat([past_values, _by_head(own.v_proj(states), self.shape)], dim=2)
            kept += [keys, values]
            states = layer.self_attn_layer_norm(states + self._attend(own, states, keys.transpose(2, 3), values))
            crossed = self._attend(layer.encoder_attn, states, cross_keys, cross_values)
            states = layer.encoder_attn_layer_norm(states + crossed)
            widened = layer.fc2(layer.activation_fn(layer.fc1(states)))
            states = layer.final_layer_norm(states + widened)
        logits = self.head(states)[:, -1, :] + self.bias
        return (logits, *kept)

    def _attend(self, attention: Any, states: Tensor, keys: Tensor, values: Tensor) -> Tensor:  # noqa: ANN401 - BartAttention is not public
        queries = _by_head(attention.q_proj(states), self.shape) * attention.scaling
        weights = torch.softmax(queries @ keys, dim=-1)
        joined = (weights @ values).transpose(1, 2).flatten(start_dim=2)
        return cast("Tensor", attention.out_proj(joined))


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
    """Trace the decoder graph into an ONNX file with free numbers of beams, past tokens and tokens of the text."""
    graph = DecoderGraph(model).eval()
    shape = graph.shape
    past = torch.zeros((2, shape.heads, 3, shape.head_size))
    crossing = torch.zeros((1, shape.heads, 5, shape.head_size))
    given: list[Tensor] = [torch.ones((2, 1), dtype=torch.int64), torch.tensor([3])]
    names = _Names(["token", "position"], ["logits"], {"token": {0: "beams"}, "logits": {0: "beams"}})
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
