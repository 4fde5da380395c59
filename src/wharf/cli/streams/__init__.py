"""Terminals, signals, and copying between them and a container."""
