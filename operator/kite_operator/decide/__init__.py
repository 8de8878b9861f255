"""Decision of the next action, from facts alone: pure functions, without I/O, time or randomness."""
