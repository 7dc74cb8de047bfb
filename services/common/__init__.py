"""Modules shared by the services."""
