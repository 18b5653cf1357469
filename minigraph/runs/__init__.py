"""Runs: their folders, what they leave there, and many of them side by side."""
