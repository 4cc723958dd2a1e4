"""The scripts of infra/benchmarks/serving as modules, for their tests; they import each other as neighbours."""

import importlib
import sys
from pathlib import Path

FOLDER = Path(__file__).parents[1] / "infra" / "benchmarks" / "serving"

sys.path.insert(0, str(FOLDER))
try:
    cases = importlib.import_module("cases")
    figures = importlib.import_module("figures")
    workers = importlib.import_module("workers")
    models = importlib.import_module("models")
    tables = importlib.import_module("tables")
finally:
    sys.path.remove(str(FOLDER))
