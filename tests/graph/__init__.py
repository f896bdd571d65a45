"""Stages, their store and the programs that they start, through kills and damage."""
