"""Between turns: bases compared, another base or a student tried on what is frozen."""
