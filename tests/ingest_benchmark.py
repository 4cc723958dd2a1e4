"""The scripts of infra/benchmarks/ingest as modules, for their tests; they import each other as neighbours."""

import importlib
import sys
from pathlib import Path

FOLDER = Path(__file__).parents[1] / "infra" / "benchmarks" / "ingest"

sys.path.insert(0, str(FOLDER))
try:
    news_csv = importlib.import_module("news_csv")
    resident_memory = importlib.import_module("resident_memory")
    correctness = importlib.import_module("correctness")
    measure = importlib.import_module("measure")
    stages = importlib.import_module("stages")
finally:
    sys.path.remove(str(FOLDER))
    for name in ("measure", "stages"):  # names that others could have, too
        sys.modules.pop(name, None)
