"""The tab of the files sent: the state of each, and its scores."""
