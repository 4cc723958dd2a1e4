"""A BART as the two graphs that serve it: the encoder with cross attention's keys and values, and a decoder step.

The graphs are the model's own modules in an order of our own, so its weights are used as they are. One text at a time,
without padding. Tokens of several beams lie behind each other, and the decoder is told which of them each one sees; for
the cross attention they are more queries of one text.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast

import torch
from torch import Tensor, nn
from torch.onnx import symbolic_helper

from infolens.ml.decoder_steps import DecoderShape
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


class _Attention(torch.autograd.Function):
    """onnxruntime's own attention as one node, which keeps its weights in the processor's cache.

    Written out, an article of 1024 tokens takes 50 MB of weights for each layer to memory and back, and a decoder step
    spends more time between nodes than in them.
    """

    @staticmethod
    def forward(
        _context: Any,  # noqa: ANN401 - torch's
        queries: Tensor,
        keys: Tensor,
        values: Tensor,
        heads: int,
    ) -> Tensor:
        if keys.dim() == 3:
            keys, values = (_by_head(part, heads) for part in (keys, values))
        found = nn.functional.scaled_dot_product_attention(_by_head(queries, heads), keys, values)
        return found.transpose(1, 2).flatten(start_dim=2)

    @staticmethod
    def symbolic(graph: Any, queries: Any, keys: Any, values: Any, heads: int) -> Any:  # noqa: ANN401 - torch's
        found = graph.op("com.microsoft::MultiHeadAttention", queries, keys, values, num_heads_i=heads)
        found.setType(queries.type())
        return found


class _CachedAttention(torch.autograd.Function):
    """The same with what was kept, in which each token sees some of all tokens."""

    @staticmethod
    def forward(  # noqa: PLR0913, PLR0917 - what tracing runs; `symbolic` is what is written
        _context: Any,  # noqa: ANN401 - torch's
        queries: Tensor,
        keys: Tensor,
        values: Tensor,
        seen: Tensor,
        past_keys: Tensor,
        past_values: Tensor,
        heads: int,
    ) -> tuple[Tensor, Tensor, Tensor]:
        keys = torch.cat([past_keys, _by_head(keys, heads)], dim=2)
        values = torch.cat([past_values, _by_head(values, heads)], dim=2)
        found = nn.functional.scaled_dot_product_attention(_by_head(queries, heads), keys, values, attn_mask=seen)
        return found.transpose(1, 2).flatten(start_dim=2), keys, values

    @staticmethod
    def symbolic(  # noqa: PLR0913, PLR0917 - torch's
        graph: Any,  # noqa: ANN401
        queries: Any,  # noqa: ANN401
        keys: Any,  # noqa: ANN401
        values: Any,  # noqa: ANN401
        seen: Any,  # noqa: ANN401
        past_keys: Any,  # noqa: ANN401
        past_values: Any,  # noqa: ANN401
        heads: int,
    ) -> Any:  # noqa: ANN401
        # torch has no public way to leave an input out
        none = symbolic_helper._optional_input_placeholder_tensor(graph)  # type: ignore[no-untyped-call]  # noqa: SLF001
        inputs = (queries, keys, values, none, none, seen, past_keys, past_values)
        found = graph.op("com.microsoft::MultiHeadAttention", *inputs, num_heads_i=heads, outputs=3)
        found[0].setType(queries.type())
        return found


class EncoderGraph(nn.Module):
    """Token ids -> keys and values of every decoder layer's cross attention."""

    def __init__(self, model: BartForConditionalGeneration) -> None:
        """Take a model's encoder and the projections of its decoder layers."""
        super().__init__()
        inner = cast("Any", model).model
        self.encoder = inner.encoder
        self.shape = decoder_shape(model)
        self.heads = int(cast("Any", model.config).encoder_attention_heads)
        self.joined = nn.ModuleList(_joined(*_projections(layer.self_attn)) for layer in inner.encoder.layers)
        self.crossing = _joined(
            *(part for layer in inner.decoder.layers for part in _projections(layer.encoder_attn)[1:])
        )

    def forward(self, input_ids: Tensor) -> tuple[Tensor, ...]:
        """Give, for each layer, keys and values (1, heads, tokens, head size)."""
        encoder = self.encoder
        places = torch.arange(input_ids.shape[1]) + _POSITION_OFFSET
        places = nn.functional.embedding(places, encoder.embed_positions.weight)
        states = encoder.layernorm_embedding(encoder.embed_tokens(input_ids) + places)
        for layer, joined in zip(encoder.layers, self.joined, strict=True):
            found = _Attention.apply(*_parts(joined(states), 3), self.heads)  # type: ignore[no-untyped-call]
            states = layer.self_attn_layer_norm(states + layer.self_attn.out_proj(found))
            widened = layer.fc2(layer.activation_fn(layer.fc1(states)))
            states = layer.final_layer_norm(states + widened)
        parts = _parts(self.crossing(states), 2 * self.shape.layers)
        return tuple(_by_head(part, self.shape.heads) for part in parts)


class DecoderGraph(nn.Module):
    """Some tokens, which of all tokens each sees, and what was kept of those before -> logits, what is to be kept."""

    def __init__(self, model: BartForConditionalGeneration) -> None:
        """Take a model's decoder and the layer that gives logits."""
        super().__init__()
        self.decoder = cast("Any", model).model.decoder
        self.head = cast("Any", model).lm_head
        bias = cast("Tensor", cast("Any", model).final_logits_bias)
        # It is nothing but in models that were trained with one: a pass over the whole vocabulary less.
        self.register_buffer("bias", bias if bias.any() else None)
        self.shape = decoder_shape(model)
        self.joined = nn.ModuleList(_joined(*_projections(layer.self_attn)) for layer in self.decoder.layers)

    def forward(self, tokens: Tensor, places: Tensor, seen: Tensor, *caches: Tensor) -> tuple[Tensor, ...]:
        """Make one step.

        Args:
            tokens: shape (1, count).
            places: how many tokens of its beam stand before each, shape (1, count).
            seen: 0 where a token sees another and -inf elsewhere, shape (1, 1, count, past + count).
            caches: for each layer past keys and values, shape (1, heads, past, head size), then the encoder graph's
                keys and values.

        Returns:
            logits, shape (1, count, vocabulary), then keys and values of each layer, `count` tokens longer.
        """
        decoder, heads = self.decoder, self.shape.heads
        positions = nn.functional.embedding(places + _POSITION_OFFSET, decoder.embed_positions.weight)
        states = decoder.layernorm_embedding(decoder.embed_tokens(tokens) + positions)
        kept: list[Tensor] = []
        for number, (layer, joined) in enumerate(zip(decoder.layers, self.joined, strict=True)):
            past_keys, past_values, cross_keys, cross_values = caches[4 * number : 4 * number + 4]
            given = (*_parts(joined(states), 3), seen, past_keys, past_values)
            found, *longer = _CachedAttention.apply(*given, heads)  # type: ignore[no-untyped-call]
            kept += longer
            states = layer.self_attn_layer_norm(states + layer.self_attn.out_proj(found))
            queries = layer.encoder_attn.q_proj(states)
            found = _Attention.apply(queries, cross_keys, cross_values, heads)  # type: ignore[no-untyped-call]
            states = layer.encoder_attn_layer_norm(states + layer.encoder_attn.out_proj(found))
            widened = layer.fc2(layer.activation_fn(layer.fc1(states)))
            states = layer.final_layer_norm(states + widened)
        logits = self.head(states)
        return (logits if self.bias is None else logits + self.bias, *kept)


def _projections(attention: nn.Module) -> list[nn.Linear]:
    return [getattr(attention, f"{name}_proj") for name in "qkv"]


def _joined(*parts: nn.Linear) -> nn.Linear:
    """Make one projection of several of the same states: fewer calls, the same products."""
    joined = nn.Linear(parts[0].in_features, sum(part.out_features for part in parts))
    with torch.no_grad():
        joined.weight.copy_(torch.cat([part.weight for part in parts]))
        joined.bias.copy_(torch.cat([part.bias for part in parts]))
    return joined


def _parts(joined: Tensor, count: int) -> tuple[Tensor, ...]:
    """Take what `_joined` projected apart: one node, where `chunk` would compute sizes and slice in five."""
    width = joined.shape[-1] // count
    return torch.split(joined, [int(width)] * count, dim=-1)


def _by_head(states: Tensor, heads: int) -> Tensor:
    """Shape (texts, tokens, width) -> (texts, heads, tokens, head size)."""
    return states.view(*states.shape[:2], heads, -1).transpose(1, 2)


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
    free = {"input_ids": {1: "tokens"}} | {name: {2: "tokens"} for name in outputs}
    example = torch.ones((1, 8), dtype=torch.int64)  # a dimension of one would be traced as a constant
    _export(graph, (example,), path, _Names(["input_ids"], outputs, free))


def write_decoder(model: BartForConditionalGeneration, path: Path) -> None:
    """Trace the decoder graph into an ONNX file with free numbers of tokens: given, kept, of the text."""
    graph = DecoderGraph(model).eval()
    shape = graph.shape
    past = torch.zeros((1, shape.heads, 3, shape.head_size))
    crossing = torch.zeros((1, shape.heads, 5, shape.head_size))
    tokens = torch.ones((1, 4), dtype=torch.int64)
    given: list[Tensor] = [tokens, tokens, torch.zeros((1, 1, 4, 7))]
    names = _Names(["tokens", "places", "seen"], ["logits"], {"seen": {2: "count", 3: "kept"}})
    names.free.update({name: {1: "count"} for name in ("tokens", "places", "logits")})
    for layer in range(shape.layers):
        given += [past, past, crossing, crossing]
        names.inputs.extend(f"{kind}_{part}_{layer}" for kind in ("past", "cross") for part in ("key", "value"))
        names.outputs.extend((f"key_{layer}", f"value_{layer}"))
        for part in ("key", "value"):
            names.free[f"past_{part}_{layer}"] = {2: "past"}
            names.free[f"{part}_{layer}"] = {2: "kept"}
            names.free[f"cross_{part}_{layer}"] = {2: "tokens"}
    _export(graph, tuple(given), path, names)


def _export(graph: nn.Module, given: tuple[Tensor, ...], path: Path, names: _Names) -> None:
    trace(graph, given, path, inputs=names.inputs, outputs=names.outputs, free=names.free)
