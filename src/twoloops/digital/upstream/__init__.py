"""Where open models come from: a hub, installed packages, folders; each search, newest, pull."""
