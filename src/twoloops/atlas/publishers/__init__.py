"""Publishers of dated facts: one adapter each, behind the port in `publishers.port`."""
