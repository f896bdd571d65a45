"""Kinds of `dataset.source`, a module each, and what every kind says of itself (`base`).

To add one: a record with a `kind` here, its line in `contract/source.py`, and what reads it in
`datasets/`. Imports nothing but what a contract's fields are made of.
"""
