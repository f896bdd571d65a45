"""The one reader of `.tflite` files, for stages and engines; it imports `errors` alone.

A file is somebody else's: every offset is checked before it is followed, so that a damaged file is
one clear error and nothing outside of it is ever taken for a value.
"""
