"""Whether a model is better, and how surely: estimates, bets, the gate."""
