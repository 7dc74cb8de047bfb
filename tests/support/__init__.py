"""What the tests share: processes of the services, readers of the topics, messages."""
