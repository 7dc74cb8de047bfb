"""Every figure of the README, by one command: `make bench`. Needs a machine that does nothing else."""
