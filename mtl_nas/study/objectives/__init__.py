"""What a search optimises, and its limits."""
