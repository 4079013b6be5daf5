"""Other people's recognisers of words, each behind the same small interface."""
