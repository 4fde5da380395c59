"""The warm process that forks shims and workers."""
