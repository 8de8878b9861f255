"""Actions that carry out one plan: they call the broker and write to the cluster. They decide nothing."""
