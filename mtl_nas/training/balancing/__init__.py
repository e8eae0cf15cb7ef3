"""Weights of task losses, and aggregation of the gradients of tasks."""
