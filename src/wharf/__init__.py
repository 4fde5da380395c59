"""Wharf: a complete Docker, written in Python. The map of the rooms is in ARCHITECTURE.md."""

__version__ = "0.1.0"
