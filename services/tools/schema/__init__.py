"""Prints the JSON Schema of the input topic."""
