"""What a search says about its space."""
