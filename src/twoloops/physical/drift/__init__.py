"""Drift: whether what comes in, what is decided, and what turns out wrong is as it was."""
