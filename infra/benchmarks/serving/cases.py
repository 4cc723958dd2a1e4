"""What is measured: the models with their sizes, the cases asked of each, and the engines that answer them."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]
OURS = "InfoLens"


@dataclass(frozen=True)
class Engine:
    """One of the compared; it runs as a process of its own."""

    name: str
    """As the tables call it."""
    module: str
    """Beside this file, below engines/."""
    variant: str = ""
    """What the module makes of it, for example the precision."""
    environment: str = ""
    """Its own environment, `.venvs/bench-<environment>`; "" is the project's."""
    ours: bool = False

    @property
    def python(self) -> Path:
        """The interpreter that runs it."""
        folder = ROOT / ".venvs" / f"bench-{self.environment}" if self.environment else ROOT / ".venv"
        return folder / "bin" / "python"


@dataclass(frozen=True)
class Size:
    """Dimensions of a real model; a token is one position of its input."""

    layers: int
    width: int
    inner: int
    heads: int
    vocabulary: int


SIZES = {
    "distilbert": Size(6, 768, 3072, 12, 30_522),
    "xlnet": Size(12, 768, 3072, 12, 32_000),
    "bart": Size(6, 768, 3072, 12, 50_265),
}
"""distilbert-base-uncased, xlnet-base-cased, facebook/bart-base: the gpu profiles' base models (S0-13)."""


POOLING = {"distilbert": "first", "xlnet": "mean"}
"""What of the encoder's states the class head reads, for every engine: as the gpu profiles of the tasks train them."""


@dataclass(frozen=True)
class Case:
    """One row of the issue's table."""

    name: str
    model: str
    """Key of SIZES, or "task"."""
    tokens: int = 0
    """Of the input."""
    written: int = 0
    """Tokens of the answer, where the model writes."""
    beams: int = 1
    asks: int = 3
    """Counted answers of one engine in one round."""
    warm: int = 1
    """Answers before them that are not counted: other engines had the caches meanwhile."""


@dataclass(frozen=True)
class Part:
    """What one call measures: engines that live side by side, asked in turn."""

    name: str
    cases: tuple[Case, ...]
    engines: tuple[Engine, ...]
    rounds: int = 7
    seconds: int = 140
    """What a part may take at most, the engines' start included: it begins no round that would end later."""


_ENCODER_OURS = Engine(OURS, "ours_classifier", ours=True)
_ORT_INT8 = Engine("onnxruntime quantize_dynamic int8", "ort_classifier", "int8")
_TORCH_CLASSIFIERS = (
    Engine("torch fp32", "torch_classifier", "fp32"),
    Engine("torch bf16", "torch_classifier", "bf16"),
    Engine("torch dynamic int8", "torch_classifier", "int8"),
)
_OPENVINO_CLASSIFIERS = (
    Engine("OpenVINO default", "openvino_classifier", "exact", "openvino"),
    Engine("OpenVINO int8 (NNCF)", "openvino_classifier", "int8", "openvino"),
)

DISTILBERT = Part(
    "distilbert",
    tuple(Case(f"DistilBERT-base, {n} tokens", "distilbert", n) for n in (32, 128, 256, 512)),
    (
        _ENCODER_OURS,
        *_TORCH_CLASSIFIERS,
        _ORT_INT8,
        Engine("CTranslate2 int8", "ctranslate2_classifier", "int8", "ctranslate2"),
        Engine("optimum ORT int8", "optimum_classifier", "int8", "optimum"),
        *_OPENVINO_CLASSIFIERS,
    ),
)
XLNET = Part(
    "xlnet",
    (Case("XLNet-base, 256 tokens", "xlnet", 256),),
    (_ENCODER_OURS, *_TORCH_CLASSIFIERS, _ORT_INT8, *_OPENVINO_CLASSIFIERS),
)

_WRITERS = (
    Engine("torch fp32", "torch_writer", "fp32"),
    Engine("torch bf16", "torch_writer", "bf16"),
    Engine("torch dynamic int8", "torch_writer", "int8"),
    Engine("CTranslate2 int8", "ctranslate2_writer", "int8", "ctranslate2"),
    Engine("optimum ORT int8", "optimum_writer", "int8", "optimum"),
    Engine("OpenVINO int8 weights (optimum-intel)", "openvino_writer", "int8", "openvino"),
)
_GREEDY = Case("BART-base, 1024 in, 60 out, greedy", "bart", 1024, 60, asks=1, warm=0)
_BEAM = replace(_GREEDY, name="BART-base, 1024 in, 60 out, beam 4", beams=4)
BART_GREEDY = Part(
    "bart-greedy", (_GREEDY,), (Engine(OURS, "ours_writer", "beams=1,lookup=0", ours=True), *_WRITERS), rounds=6
)
BART_BEAM = Part("bart-beam", (_BEAM,), (Engine(OURS, "ours_writer", "beams=4", ours=True), *_WRITERS), rounds=5)

TASKS = ("crash_risk", "fake_news", "movie_recommendation", "news_category", "news_summary", "toxicity")
SCIKIT = ("crash_risk", "fake_news", "news_category", "toxicity")
"""Tasks that scikit-learn has a usual model for."""

TASK_PARTS = tuple(
    Part(
        f"task-{task}",
        (Case(task, "task", asks=20, warm=3),),
        (
            Engine(OURS, "ours_task", ours=True),
            Engine("torch fp32", "torch_task"),
            *((Engine("scikit-learn", "sklearn_task"),) if task in SCIKIT else ()),
        ),
        rounds=7,
        seconds=60,
    )
    for task in TASKS
)

ROOF = Engine("roof", "roof")
"""Measures the machine in the same rounds: products of matrices and reading of memory."""

PARTS = {part.name: part for part in (DISTILBERT, XLNET, BART_GREEDY, BART_BEAM, *TASK_PARTS)}


def chosen(only: str) -> list[Part]:
    """Give the parts whose names begin with one of `only`, which are separated by commas; all for "".

    Raises:
        ValueError: a name fits no part.
    """
    wanted = [name for name in only.split(",") if name]
    for name in wanted:
        if not any(part.startswith(name) for part in PARTS):
            raise ValueError(f"no part {name!r}; there are {', '.join(PARTS)}")
    return [part for part in PARTS.values() if not wanted or part.name.startswith(tuple(wanted))]
