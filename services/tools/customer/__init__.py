"""Exports and erases the data of one customer: tables, history, dead letters."""
