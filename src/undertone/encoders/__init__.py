"""Anything that turns sound into rows of numbers before a system learns: statistics, functionals, speech encoders."""
