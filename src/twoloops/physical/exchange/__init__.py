"""Dataset versions for other tools: what is in one, its rows, a folder with Croissant metadata."""
