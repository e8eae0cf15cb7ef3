"""Weights and directions of task losses."""
