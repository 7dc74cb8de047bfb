"""Writes the transactions that analysts have judged as training data."""
