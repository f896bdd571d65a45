"""What continuous integration reads of a run."""
