"""Families of models beside the cards', to prove that the contract alone makes them work."""
