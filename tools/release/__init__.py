"""A release's version and notes: one number, wherever it stands."""
