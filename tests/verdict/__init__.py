"""What a candidate came to: measured, judged, foretold, and what would have to give."""
