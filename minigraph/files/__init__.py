"""Files: written whole or not at all, and opened in one way."""
