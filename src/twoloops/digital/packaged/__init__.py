"""Open models that come as packages, turned into bases."""
