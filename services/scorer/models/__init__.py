"""Models while the scorer runs: loading and trial, replacement, the shadow, and which model scored what."""
