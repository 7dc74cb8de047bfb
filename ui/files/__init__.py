"""The tab of the files sent: what became of each, and its scores."""
