"""Values and rules of the domain: pure, without I/O, time, randomness or libraries of the outside."""
