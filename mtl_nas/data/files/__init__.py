"""Tables on disk, one module per format: each opens a file and reads its rows in batches."""
