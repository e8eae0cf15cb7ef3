"""Label columns: task kinds, labels, groups, funnels and row weights."""
