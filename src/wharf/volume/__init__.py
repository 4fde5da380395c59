"""Volumes: named folders (or file systems) that outlive the containers they are mounted in."""
