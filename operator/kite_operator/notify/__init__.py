"""Delivery of reminders: the supported services, one send, and the report of a failure."""
