"""Tests. The folder is the level: unit, contract, integration, e2e."""
