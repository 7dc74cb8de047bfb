"""The tab of the stream as it runs, with the drift of its data."""
