"""InfoLens' own encoder-decoder over the bundle that its own exporter made; the variant says how many beams."""

from __future__ import annotations

from dataclasses import fields, replace
from typing import TYPE_CHECKING, Any, cast

from texts import versions

from infolens.ml import encoder_decoder
from infolens.ml.bundle import digest_of, read_manifest
from infolens.ml.decoding import DecodingRules

if TYPE_CHECKING:
    from pathlib import Path


class Engine:
    """Text in, tokens out."""

    def __init__(self, variant: str, model: str, folder: Path, threads: int) -> None:
        """Open the bundle with the number of beams, and of proposed tokens, that is asked for.

        Raises:
            ValueError: the predictor cannot do it.
        """
        bundle = folder / model / "bundle"
        manifest = read_manifest((bundle / "manifest.json").read_bytes(), digest_of(bundle))
        wanted = {name: int(value) for name, _, value in (one.partition("=") for one in variant.split(","))}
        known = {one.name for one in fields(DecodingRules)}
        usual = {"beams": 1, "lookup": 0}
        wanted = {name: value for name, value in wanted.items() if name in known or usual.get(name) != value}
        if missing := wanted.keys() - known:
            raise ValueError(f"no {', '.join(missing)} in the decoding rules")
        rules = cast("dict[str, object]", manifest.config["rules"]) | wanted
        if "early_stopping" in known:
            rules |= {"early_stopping": True}
        manifest = replace(manifest, config=manifest.config | {"rules": rules})
        self._predictor = encoder_decoder.load(bundle, manifest, threads)
        self.files = [bundle]
        self.versions = versions("onnxruntime")

    def answer(self, item: dict[str, Any]) -> list[int]:
        """Write."""
        return [int(token) for token in self._predictor.tokens(item["text"])]

    def outcome(self, item: dict[str, Any]) -> list[int]:
        """Give the tokens."""
        return self.answer(item)
