"""Makes the topics: a one-shot job before the services start."""
