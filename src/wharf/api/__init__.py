"""The Engine REST API."""
