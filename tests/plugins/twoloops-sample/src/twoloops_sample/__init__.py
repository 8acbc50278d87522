"""A source and a sink for twoloops."""
