"""Which dated instruments touch what one's own loops rest on, and what two shocks would stop."""
