"""Every figure of docs/benchmarks.md, by one command: `make bench`. Needs a machine that does nothing else."""
