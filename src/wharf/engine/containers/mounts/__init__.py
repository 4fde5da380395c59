"""What a container has mounted: what was asked for, what it came to, and what that takes while it runs."""
