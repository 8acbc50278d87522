"""How a turn's questions are chosen: random samples with known chances, and clustering."""
