"""Where facts stay: catalog, blobs, journal, lineage graph, fetched files."""
