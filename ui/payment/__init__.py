"""The tab for a single payment."""
