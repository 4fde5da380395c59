"""The OCI runtime: spec in, process out."""
