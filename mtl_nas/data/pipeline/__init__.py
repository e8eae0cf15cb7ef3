"""Tables that are larger than memory, read and written batch by batch."""
