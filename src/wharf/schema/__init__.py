"""What crosses a wire or a disk."""
