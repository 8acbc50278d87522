"""A lineage with its obligations: text, drawing, page."""
