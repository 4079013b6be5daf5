"""A phone recogniser of our own: aligning, training, decoding (PyTorch)."""
