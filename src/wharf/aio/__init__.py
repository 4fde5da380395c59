"""Our asyncio tools."""
