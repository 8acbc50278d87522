"""One's own loops: the exhibits from a workspace or a replay, and layers held as an experiment."""
