"""The one way from a table to encoded rows: survey, compute statistics, encode, over batches of rows.

A table in memory is one batch; a table on disk is read in batches, as often as needed.
"""
