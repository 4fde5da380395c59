"""The Engine API as Python calls."""
