"""Shared by all tabs: frame, theme, charts, HTML, formats, texts."""
