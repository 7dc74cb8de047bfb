"""Made-up bad input: what is made, what must hold of it, and how a million of it is run."""
