"""Blobs and layers."""
