"""How a model is trained: losses, metrics, optimizers and schedules."""
