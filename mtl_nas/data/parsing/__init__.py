"""Text of tables: files, levels, numbers and lists."""
