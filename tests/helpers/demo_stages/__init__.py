"""Stages small enough to see everything that `Stage` does."""
