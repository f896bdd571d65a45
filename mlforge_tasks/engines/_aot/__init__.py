"""The ahead-of-time engine: an int8 graph becomes C calls with static offsets, no interpreter.

A model's way through the modules:

    importer     .tflite bytes -> `graph.Graph`, with `options`, `forms`, `shapes` and `order`
    lower        operators -> `program.Step`s: calls of kernels with parameters and constants
    memory       lifetimes, shared buffers; planner: offsets in one arena
    emit         steps and offsets -> C source

`fixed_point` is the one source of the arithmetic that is done at generation time; `kernels/` holds
the C that does the rest.
"""
