"""How the benchmarks count; what they measure is not tested."""
