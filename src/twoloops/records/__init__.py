"""What things are: frozen structs, ids, digests, money, terms, errors. No I/O."""
