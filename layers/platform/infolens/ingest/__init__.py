"""Rows in; clean rows, rejects and counts out. Pure: what it needs comes in as arguments, nothing reaches AWS."""
