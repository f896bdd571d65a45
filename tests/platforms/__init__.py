"""Images: what is in them, what they need, and what does not fit."""
