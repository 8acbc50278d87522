"""A labelled past, read as the stream it was: seed rows, then turns."""
