"""Pages and tables of results: what a researcher shows, with everything that a number depends on beside it."""
