"""Gradients of a batch, sparse updates of large tables, CUDA graphs of steps."""
