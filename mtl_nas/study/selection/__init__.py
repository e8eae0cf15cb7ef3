"""Chooses and writes the best model of a search."""
