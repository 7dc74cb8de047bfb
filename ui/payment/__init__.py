"""The tab for a single transaction."""
