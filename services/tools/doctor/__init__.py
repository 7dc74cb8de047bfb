"""Says what is wrong with an installation, and how to mend it. Changes nothing."""
