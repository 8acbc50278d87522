"""Dated fact tables, read-only: each row with its source, its date and its unit."""
