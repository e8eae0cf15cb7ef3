"""Label columns: tasks, labels, funnels and row weights."""
