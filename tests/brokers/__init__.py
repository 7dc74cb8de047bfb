"""Three brokers, killed in turn, on a real Docker engine. Not part of `make test`: `make test-brokers`."""
