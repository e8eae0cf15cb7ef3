"""Columns: inferred kinds, statistics of train rows, encoding."""
