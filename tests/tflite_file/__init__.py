"""The reader of `.tflite` files: what it reads, and that damage is one clear error."""
