"""Reports and charts, drawn from what convergence returns."""
