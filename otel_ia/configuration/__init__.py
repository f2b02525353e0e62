"""Where settings come from, and what puts them into effect."""
