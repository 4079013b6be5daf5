"""A phone recogniser of our own: aligning, training, decoding, and the backbone that others build on (PyTorch)."""
