"""YAML to checked records, with the line of each mistake."""
