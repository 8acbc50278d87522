"""Exhibits: charts, tables and notes on dated figures, as a page, text, JSON or pictures."""
