"""What the floor's pages say: facts into words, without store or clock, and drawn as HTML."""
