"""Containers: records, the verbs of their life, and what the API says of them."""
