"""The physical loop: history · ingest · select · labelling · datasets."""
