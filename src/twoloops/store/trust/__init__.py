"""A workspace's TUF repository: keys, signed metadata, and the files they vouch for."""
