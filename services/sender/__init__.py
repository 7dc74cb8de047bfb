"""From a CSV file of payments to the topic `transactions`."""
