"""Which model scores: reloading, the shadow, and the ranges of offsets each model scored."""
