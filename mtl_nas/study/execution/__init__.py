"""Trains trials under Ray."""
