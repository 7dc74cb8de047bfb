"""Payments that nobody made: CSV files and a live stream that look like the competition's data."""
