"""The digital loop: bases with cards and lineage, dated availability, value."""
