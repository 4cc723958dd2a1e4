"""Prints what each function weighs unzipped, layers included, as `sam build` made it; Lambda's limit is 250 MB.

Run: `sam build` (or `infolens deploy`), then `python infra/benchmarks/package_sizes/measure.py`.
"""

from __future__ import annotations

import sys
from pathlib import Path

import yaml

BUILD = Path(__file__).resolve().parents[3] / ".aws-sam" / "build"
LIMIT_MB = 250
"""Function and layers together, unzipped (Lambda quotas)."""


def megabytes(directory: Path) -> float:
    """Bytes of all files below `directory`, in 10^6."""
    return sum(path.stat().st_size for path in directory.rglob("*") if path.is_file()) / 1e6


def main() -> int:
    """Print a line per function; exit code 1 when one is over the limit or nothing was built."""
    built = BUILD / "template.yaml"
    if not built.exists():
        sys.stderr.write("nothing was built yet: run `sam build` first\n")
        return 1
    template = yaml.safe_load(built.read_text())
    shared = template["Globals"]["Function"]["Layers"]
    over = False
    for name, resource in sorted(template["Resources"].items()):
        if resource["Type"] != "AWS::Serverless::Function":
            continue
        layers = [layer["Ref"] for layer in (*shared, *resource["Properties"].get("Layers", ()))]
        total = megabytes(BUILD / name) + sum(megabytes(BUILD / layer) for layer in layers)
        over |= total > LIMIT_MB
        sys.stdout.write(f"{name:24} {total:6.1f} MB of {LIMIT_MB}  ({', '.join(layers)})\n")
    return int(over)


if __name__ == "__main__":
    sys.exit(main())
