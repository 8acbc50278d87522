"""One task's two loops: the stages of a turn, what they share, what may judge."""
