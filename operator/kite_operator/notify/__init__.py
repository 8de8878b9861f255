"""Reminders on their way to people: which services there are, how one is sent, and what is told of a failure."""
