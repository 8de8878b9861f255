"""A faithful fake of Kite for tests, demos and development; it shares no code with the operator."""
