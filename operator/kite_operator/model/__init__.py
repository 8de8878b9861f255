"""Values and rules of the domain: pure, without I/O, time, randomness or third-party libraries."""
