"""Records of what was done: status, Events, metrics."""
