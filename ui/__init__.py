"""The page: sends CSV files to Kafka and shows what was scored."""
