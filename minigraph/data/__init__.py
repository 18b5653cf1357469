"""What a model is trained on: samples, and the files that they come from."""
