"""Decides the next action of a search."""
