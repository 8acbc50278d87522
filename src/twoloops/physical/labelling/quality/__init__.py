"""How good labels are: consensus, agreement, suspected errors, the attribute study."""
