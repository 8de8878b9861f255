"""What to do next, from facts alone: pure functions, without I/O, time or randomness."""
