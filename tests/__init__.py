"""Tests; `builds.py`, `graphs.py` and their like are helpers."""
