"""The login page: a user logs in by browser. Each login ends in a login grant, like every login of a user."""
