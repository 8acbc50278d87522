"""The report of a replay: one page that opens offline."""
