"""Encoded rows in memory and in files."""
