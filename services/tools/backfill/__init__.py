"""Scores a range of transactions again with another model, beside the live system, and compares."""
