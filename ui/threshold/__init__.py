"""The tab of the threshold: what another one would do, and the models in use."""
