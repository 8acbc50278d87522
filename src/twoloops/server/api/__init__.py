"""The HTTP API: JSON in, JSON out, a file a subject."""
