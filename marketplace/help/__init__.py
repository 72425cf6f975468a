"""Help pages: how things work, with the machines drawn from the code."""
