"""Rebuilds trained encoders as they are served: the same weights and numbers in fewer and larger operations.

One text is served at a time (ADR 0009), so no mask is needed; the factor of the scores is part of the weights; what
depends on positions alone is a constant of the graph. ADR 0018 has the figures of each, and of what was left out.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

import torch
from torch import Tensor, nn

if TYPE_CHECKING:
    from collections.abc import Sequence


class PlainEncoder(nn.Module):
    """Any encoder as it is, with nothing masked."""

    def __init__(self, encoder: nn.Module) -> None:
        """Take the encoder."""
        super().__init__()
        self.encoder = encoder

    def forward(self, input_ids: Tensor) -> Tensor:
        """Give the last states, shape (texts, tokens, width), of ids, shape (texts, tokens)."""
        given = {"input_ids": input_ids, "attention_mask": torch.ones_like(input_ids)}
        return cast("Tensor", self.encoder(**given).last_hidden_state)


class _SelfAttention(nn.Module):
    """BERT's attention; the factor of the scores is part of the queries' weights."""

    def __init__(self, projections: Sequence[nn.Linear], out: nn.Linear, heads: int) -> None:
        super().__init__()
        self.heads = heads
        query, self.key, self.value = projections
        scale = (query.out_features // heads) ** -0.5
        self.query = _linear(query.weight * scale, query.bias * scale)
        self.out = out

    def forward(self, states: Tensor) -> Tensor:
        query, key, value = (_heads(part(states), self.heads) for part in (self.query, self.key, self.value))
        shares = torch.softmax(query.transpose(1, 2) @ key.permute(0, 2, 3, 1), dim=-1)
        return cast("Tensor", self.out(_joined(shares @ value.transpose(1, 2))))


class _Layer(nn.Module):
    """One layer whose sums are normalised after each half, as in BERT and XLNet."""

    def __init__(self, attention: nn.Module, after: nn.Module, feed: nn.Sequential, last: nn.Module) -> None:
        super().__init__()
        self.attention, self.after, self.feed, self.last = attention, after, feed, last

    def forward(self, states: Tensor, *shared: Tensor) -> Tensor:
        states = self.after(self.attention(states, *shared) + states)
        return cast("Tensor", self.last(self.feed(states) + states))


class ServedBert(nn.Module):
    """DistilBERT, or BERT with one kind of segment."""

    def __init__(self, words: nn.Embedding, positions: Tensor, norm: nn.Module, layers: Sequence[nn.Module]) -> None:
        """Put the parts together.

        Args:
            words: vectors of tokens.
            positions: what is added to the vectors, shape (most tokens, width).
            norm: normalises the sums.
            layers: in their order.
        """
        super().__init__()
        self.words, self.norm, self.layers = words, norm, nn.ModuleList(layers)
        self.register_buffer("positions", positions)

    def forward(self, input_ids: Tensor) -> Tensor:
        """See PlainEncoder."""
        states = self.norm(self.words(input_ids) + cast("Tensor", self.positions)[: input_ids.shape[1]])
        for layer in self.layers:
            states = layer(states)
        return cast("Tensor", states)

    @classmethod
    def of_distilbert(cls, encoder: Any) -> ServedBert:  # noqa: ANN401 - transformers' classes are untyped
        """Rebuild a DistilBertModel."""
        layers = []
        for one in encoder.transformer.layer:
            given = one.attention
            attention = _SelfAttention((given.q_lin, given.k_lin, given.v_lin), given.out_lin, given.n_heads)
            feed = nn.Sequential(one.ffn.lin1, one.ffn.activation, one.ffn.lin2)
            layers.append(_Layer(attention, one.sa_layer_norm, feed, one.output_layer_norm))
        vectors = encoder.embeddings
        return cls(vectors.word_embeddings, vectors.position_embeddings.weight, vectors.LayerNorm, layers)

    @classmethod
    def of_bert(cls, encoder: Any) -> ServedBert:  # noqa: ANN401 - transformers' classes are untyped
        """Rebuild a BertModel; every token is of the first segment."""
        layers = []
        for one in encoder.encoder.layer:
            given, out = one.attention.self, one.attention.output
            attention = _SelfAttention((given.query, given.key, given.value), out.dense, given.num_attention_heads)
            feed = nn.Sequential(one.intermediate.dense, one.intermediate.intermediate_act_fn, one.output.dense)
            layers.append(_Layer(attention, out.LayerNorm, feed, one.output.LayerNorm))
        vectors = encoder.embeddings
        positions = vectors.position_embeddings.weight + vectors.token_type_embeddings.weight[0]
        return cls(vectors.word_embeddings, positions, vectors.LayerNorm, layers)


class _RelativeAttention(nn.Module):
    """XLNet's attention, less its segments and memories: a score for what a token says, one for how far away it is."""

    def __init__(self, given: Any, places: Tensor) -> None:  # noqa: ANN401 - transformers' classes are untyped
        super().__init__()
        self.heads, scale = int(given.n_head), float(given.scale)
        width = int(given.d_model)
        flat = [part.reshape(width, -1).T for part in (given.q * scale, given.k, given.v)]
        self.query, self.key, self.value = (_linear(part) for part in flat)
        self.out = _linear(given.o.reshape(width, -1))
        self.by_content = nn.Parameter((given.r_w_bias * scale).detach().clone())
        self.by_distance = nn.Parameter((given.r_r_bias * scale).detach().clone())
        # Distances from the farthest behind to the farthest ahead, shape (heads, size, distances).
        self.most = len(places) // 2
        self.register_buffer("distances", torch.einsum("ph,hnd->ndp", places, given.r).detach().contiguous())

    def forward(self, states: Tensor, at: Tensor) -> Tensor:
        query, key, value = (_heads(part(states), self.heads) for part in (self.query, self.key, self.value))
        content = (query + self.by_content).transpose(1, 2) @ key.permute(0, 2, 3, 1)
        length = states.shape[1]
        read = cast("Tensor", self.distances)[:, :, self.most - length : self.most + length]
        far = (query + self.by_distance).transpose(1, 2) @ read
        shares = torch.softmax(content + far.gather(3, at), dim=-1)
        return cast("Tensor", self.out(_joined(shares @ value.transpose(1, 2))))


class ServedXlnet(nn.Module):
    """XLNet without memories: the scores of distances, which no text changes, are constants up to `most` tokens."""

    def __init__(self, encoder: Any, most: int) -> None:  # noqa: ANN401 - transformers' classes are untyped
        """Rebuild an XLNetModel for texts of at most `most` tokens."""
        super().__init__()
        self.words, self.heads = encoder.word_embedding, int(encoder.config.n_head)
        places = encoder.relative_positional_encoding(qlen=most, klen=most)[:, 0]
        self.layers = nn.ModuleList()
        for one in encoder.layer:
            feed = nn.Sequential(one.ff.layer_1, one.ff.activation_function, one.ff.layer_2)
            attention = _RelativeAttention(one.rel_attn, places)
            self.layers.append(_Layer(attention, one.rel_attn.layer_norm, feed, one.ff.layer_norm))

    def forward(self, input_ids: Tensor) -> Tensor:
        """See PlainEncoder."""
        length = input_ids.shape[1]
        # Token i sees token j at distance i - j; of the distances read, `length` comes first.
        order = torch.arange(length)
        at = (length - order[:, None] + order).expand(input_ids.shape[0], self.heads, -1, -1)
        states = self.words(input_ids)
        for layer in self.layers:
            states = layer(states, at)
        return cast("Tensor", states)


def served_encoder(encoder: nn.Module, most: int) -> nn.Module:
    """Rebuild an encoder where its family is known, for texts of at most `most` tokens; others are served as they are.

    What a family can do beside (uni-directional XLNet, relative positions of BERT) is served as it is, too.
    """
    config = cast("Any", encoder).config
    if config.model_type == "distilbert":
        return ServedBert.of_distilbert(encoder)
    if config.model_type == "bert" and getattr(config, "position_embedding_type", "absolute") == "absolute":
        return PlainEncoder(encoder) if config.is_decoder else ServedBert.of_bert(encoder)
    plain = config.model_type != "xlnet" or config.attn_type != "bi" or config.bi_data or config.clamp_len > 0
    return PlainEncoder(encoder) if plain else ServedXlnet(encoder, most)


class _Reshape(torch.autograd.Function):
    """ONNX's own Reshape, whose 0 keeps a dimension: torch's is traced as five nodes that find the shape anew."""

    @staticmethod
    def symbolic(graph: Any, states: Any, shape: list[int]) -> Any:  # noqa: ANN401 - a graph under construction
        return graph.op("Reshape", states, graph.op("Constant", value_t=torch.tensor(shape)))

    @staticmethod
    def forward(ctx: object, states: Tensor, shape: list[int]) -> Tensor:
        del ctx
        return states.reshape([size or states.shape[at] for at, size in enumerate(shape)])


def _heads(states: Tensor, heads: int) -> Tensor:
    """Shape (texts, tokens, width) -> (texts, tokens, heads, size)."""
    return cast("Tensor", _Reshape.apply(states, [0, 0, heads, -1]))  # type: ignore[no-untyped-call]


def _joined(values: Tensor) -> Tensor:
    """Shape (texts, heads, tokens, size) -> (texts, tokens, width)."""
    return cast("Tensor", _Reshape.apply(values.transpose(1, 2), [0, 0, -1]))  # type: ignore[no-untyped-call]


def _linear(weight: Tensor, bias: Tensor | None = None) -> nn.Linear:
    made = nn.Linear(weight.shape[1], weight.shape[0], bias=bias is not None)
    made.weight = nn.Parameter(weight.detach().clone())
    if bias is not None:
        made.bias = nn.Parameter(bias.detach().clone())
    return made
