"""Commands: one file a noun; each parses, calls one function, prints."""
