"""Does the jobs of a search on Ray workers."""
