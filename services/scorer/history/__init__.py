"""What the scorer remembers of each customer, and the changelog that brings it back."""
