"""The registry client over aiohttp: import it when a pull begins, and not before (idle memory)."""
