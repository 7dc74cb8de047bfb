"""Who may open the page, and as what."""
