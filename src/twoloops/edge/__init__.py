"""The agent on the floor: source → preprocess → decide → keep → spool. Imports records only."""
