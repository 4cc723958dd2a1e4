"""Finds the compiled code that ingest works with where it was built (layers/columnar/rows, ADR 0026)."""

from __future__ import annotations

try:
    import infolens_rows
except ImportError:  # whoever asks for it has another way, which gives the same and takes longer
    infolens_rows = None

__all__ = ["infolens_rows"]
