"""The flags of `run` and `create`, and the request that they make."""
