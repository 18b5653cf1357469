"""Graphs: named nodes, their order, shapes and parameters, and how those begin."""
