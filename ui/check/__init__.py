"""The tab that takes a file and shows its results."""
