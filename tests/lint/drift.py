"""Rules that keep what is written about the program equal to what it does."""
RULES = []
