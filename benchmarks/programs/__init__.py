"""What a user would write in each library: each file trains on its own, ``python -m benchmarks.programs.NAME``."""
