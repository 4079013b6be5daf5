"""One file that shows a timeline to people: it plays, it works without a network, it needs nothing beside it."""
