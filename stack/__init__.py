"""The whole product without Docker: Kafka, PostgreSQL and the services under one supervisor."""
