"""Measures the push, and holds what its measurements and tests share."""
