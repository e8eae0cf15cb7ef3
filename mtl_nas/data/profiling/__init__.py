"""The profile of a table: what its columns hold, what they look like, and what a search file could say about them."""
