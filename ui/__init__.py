"""The page: sends CSV files to Kafka and shows the scored transactions."""
