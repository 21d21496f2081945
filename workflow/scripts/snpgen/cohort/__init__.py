"""From files to people: checks, kinship, split and principal components."""
