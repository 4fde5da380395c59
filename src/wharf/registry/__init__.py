"""The registry client.

`wharf.registry.client.pull` brings aiohttp's client along; import it where a pull begins.
"""
