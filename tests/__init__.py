"""Tests, each in the folder that its code has in `mlforge_tasks/`; `product/` tests the whole."""
