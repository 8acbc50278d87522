"""Labels from a dearer model: what it is asked, what it may cost, what it answered."""
