"""Looks at a base before anything of it runs: files, licence, origin; a verdict a purpose."""
