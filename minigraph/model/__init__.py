"""Models: a graph with parameters, its passes, and the check of its gradients."""
