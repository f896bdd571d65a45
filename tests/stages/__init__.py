"""One stage's action at a time, or a few in a row."""
