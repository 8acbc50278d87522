"""History run turn by turn in four arms, measured, and with a layer held."""
