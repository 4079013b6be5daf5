"""Whole runs: from corpora to results and bundles."""
