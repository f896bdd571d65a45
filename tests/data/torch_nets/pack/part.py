"""What a network beside it counts."""

COUNT = 3
