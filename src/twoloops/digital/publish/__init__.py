"""Published models: the folder and what stands in it, its signature, and how it is checked."""
