"""The HTTP shell around the pure core: three listeners on one event loop."""
