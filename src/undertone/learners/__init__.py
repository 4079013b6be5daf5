"""What can be fitted to the folds of a protocol: baselines and systems, behind one interface."""
