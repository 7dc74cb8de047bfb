"""Every command of the README, run as it stands there. Not part of `make test`: CI runs them after it."""
