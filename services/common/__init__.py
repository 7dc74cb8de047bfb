"""What the services share. Imported by all of them, imports none of them."""
