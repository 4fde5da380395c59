"""What aiohttp lacks."""
