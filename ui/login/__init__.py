"""Login: users, roles, sessions, throttling."""
