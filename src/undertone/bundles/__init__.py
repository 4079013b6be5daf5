"""The bundles that ship with the package; data only."""
