"""Rebuilds trained encoders as they are served: the same weights and numbers in fewer and larger operations.

Texts of one length are served, so no mask is needed; the factor of the scores is part of the weights; what depends on
positions alone is a constant of the graph. Tokens are the first dimension within: products of matrices then read heads
where they lie, and onnxruntime has only the result of an attention to put in another order. Where one token is wanted,
the last layer computes that one. ADRs 0018 and 0022 have the figures of each, and of what was left out.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

import torch
from torch import Tensor, nn

if TYPE_CHECKING:
    from collections.abc import Sequence


class PlainEncoder(nn.Module):
    """Any encoder as it is, with nothing masked."""

    def __init__(self, encoder: nn.Module, *, first: bool) -> None:
        """Take the encoder; `first` gives the state of the first token alone."""
        super().__init__()
        self.encoder, self.first = encoder, first

    def forward(self, input_ids: Tensor) -> Tensor:
        """Give the last states, shape (texts, tokens or 1, width), of ids, shape (texts, tokens)."""
        given = {"input_ids": input_ids, "attention_mask": torch.ones_like(input_ids)}
        states = cast("Tensor", self.encoder(**given).last_hidden_state)
        return states[:, :1] if self.first else states


class _SelfAttention(nn.Module):
    """BERT's attention; the factor of the scores is part of the queries' weights."""

    def __init__(self, projections: Sequence[nn.Linear], out: nn.Linear, heads: int) -> None:
        super().__init__()
        self.heads = heads
        query, self.key, self.value = projections
        scale = (query.out_features // heads) ** -0.5
        self.query = _linear(query.weight * scale, query.bias * scale)
        self.out = out

    def forward(self, asking: Tensor, states: Tensor) -> Tensor:
        query, key, value = (
            _heads(part(given), self.heads)
            for part, given in ((self.query, asking), (self.key, states), (self.value, states))
        )
        shares = torch.softmax(query @ key.transpose(2, 3), dim=-1)
        return cast("Tensor", self.out(_joined(shares @ value)))


class _Layer(nn.Module):
    """One layer whose sums are normalised after each half, as in BERT and XLNet; `first` computes one token of it."""

    def __init__(self, attention: nn.Module, after: nn.Module, feed: nn.Sequential, last: nn.Module) -> None:
        super().__init__()
        self.attention, self.after, self.feed, self.last = attention, after, feed, last
        self.first = False

    def forward(self, states: Tensor, *shared: Tensor) -> Tensor:
        asking = states[:1] if self.first else states
        asking = self.after(self.attention(asking, states, *shared) + asking)
        return cast("Tensor", self.last(self.feed(asking) + asking))


class ServedBert(nn.Module):
    """DistilBERT, or BERT with one kind of segment."""

    def __init__(self, words: nn.Embedding, positions: Tensor, norm: nn.Module, layers: Sequence[_Layer]) -> None:
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
        positions = cast("Tensor", self.positions)[: input_ids.shape[1]].unsqueeze(1)
        states = self.norm(self.words(input_ids.transpose(0, 1)) + positions)
        for layer in self.layers:
            states = layer(states)
        return cast("Tensor", states).transpose(0, 1)

    def first_token(self) -> ServedBert:
        """Compute no more of the last layer than the state of the first token, shape (texts, 1, width)."""
        cast("_Layer", self.layers[-1]).first = True
        return self

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
        by_content, by_distance = ((part * scale).detach().flatten() for part in (given.r_w_bias, given.r_r_bias))
        self.query, self.key, self.value = _linear(flat[0], by_content), _linear(flat[1]), _linear(flat[2])
        self.out = _linear(given.o.reshape(width, -1))
        self.by_distance = nn.Parameter(by_distance - by_content)
        # Distances from the farthest behind to the farthest ahead, shape (1, heads, size, distances).
        self.most = len(places) // 2
        self.register_buffer("distances", torch.einsum("ph,hnd->ndp", places, given.r).detach().contiguous()[None])

    def forward(self, asking: Tensor, states: Tensor, at: Tensor) -> Tensor:
        query = self.query(asking)
        content = _heads(query, self.heads) @ _heads(self.key(states), self.heads).transpose(2, 3)
        length = states.shape[0]
        read = cast("Tensor", self.distances)[..., self.most - length : self.most + length]
        far = _heads(query + self.by_distance, self.heads) @ read
        shares = torch.softmax(content + far.gather(3, at), dim=-1)
        return cast("Tensor", self.out(_joined(shares @ _heads(self.value(states), self.heads))))


class ServedXlnet(nn.Module):
    """XLNet without memories: the scores of distances, which no text changes, are constants up to `most` tokens."""

    def __init__(self, encoder: Any, most: int, *, first: bool) -> None:  # noqa: ANN401 - transformers' classes
        """Rebuild an XLNetModel for texts of at most `most` tokens; `first` gives the first token's state alone."""
        super().__init__()
        self.first = first
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
        states = self.words(input_ids.transpose(0, 1))
        for layer in self.layers:
            states = layer(states, at)
        return cast("Tensor", states[:1] if self.first else states).transpose(0, 1)


def served_encoder(encoder: nn.Module, most: int, *, first: bool = False) -> nn.Module:
    """Rebuild an encoder where its family is known; others are served as they are.

    What a family can do beside (uni-directional XLNet, relative positions of BERT) is served as it is, too.

    Args:
        encoder: as transformers has it.
        most: tokens of the longest text.
        first: give the state of the first token alone, shape (texts, 1, width).
    """
    config = cast("Any", encoder).config
    absolute = getattr(config, "position_embedding_type", "absolute") == "absolute"
    if config.model_type == "distilbert" or (config.model_type == "bert" and absolute and not config.is_decoder):
        made = (ServedBert.of_distilbert if config.model_type == "distilbert" else ServedBert.of_bert)(encoder)
        return made.first_token() if first else made
    plain = config.model_type != "xlnet" or config.attn_type != "bi" or config.bi_data or config.clamp_len > 0
    return PlainEncoder(encoder, first=first) if plain else ServedXlnet(encoder, most, first=first)


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
    """Shape (tokens, texts, width) -> (texts, heads, tokens, size), in an order of axes that products read as it is."""
    return cast("Tensor", _Reshape.apply(states, [0, 0, heads, -1])).permute(1, 2, 0, 3)  # type: ignore[no-untyped-call]


def _joined(values: Tensor) -> Tensor:
    """Shape (texts, heads, tokens, size) -> (tokens, texts, width)."""
    return cast("Tensor", _Reshape.apply(values.permute(2, 0, 1, 3), [0, 0, -1]))  # type: ignore[no-untyped-call]


def _linear(weight: Tensor, bias: Tensor | None = None) -> nn.Linear:
    made = nn.Linear(weight.shape[1], weight.shape[0], bias=bias is not None)
    made.weight = nn.Parameter(weight.detach().clone())
    if bias is not None:
        made.bias = nn.Parameter(bias.detach().clone())
    return made
