"""Measurements that the README and the documentation quote."""
