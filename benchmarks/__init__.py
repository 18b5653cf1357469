"""Measurements that the README and the documentation quote: ``python -m benchmarks`` (extra ``bench``)."""
