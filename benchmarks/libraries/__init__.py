"""Benchmark scripts of real libraries, against their public API alone: copied into each as `dean_benchmark.py`."""
