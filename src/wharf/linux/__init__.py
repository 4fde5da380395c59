"""The kernel's interfaces, under the kernel's names."""
