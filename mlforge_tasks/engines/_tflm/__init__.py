"""Engine `tflm` beyond its table of operators: what a delivered library has."""
