"""What all tabs share: frame, theme, charts, formats, words."""
