"""Networks as data: what is accepted, how large it is, and what Keras makes of it."""
