"""Measures load, build and push; RESULTS.md has what came of it. `Desk`s of load and push are the tests' too."""
