"""Shows the scorer's dead letters and replays them."""
