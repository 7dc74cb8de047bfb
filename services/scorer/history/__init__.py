"""The history of each customer, and the changelog that it is restored from."""
