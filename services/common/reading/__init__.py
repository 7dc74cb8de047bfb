"""Reads what a message, a cell of a CSV file or a field of a form says. Pure."""
