"""Exports and erases what is kept of one customer: tables, history, dead letters."""
