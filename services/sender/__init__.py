"""Sends CSV files of transactions to the topic `transactions`."""
