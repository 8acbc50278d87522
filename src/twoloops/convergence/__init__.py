"""Where the two loops meet: specialise · evaluate · gate · turn · replay · loops."""
