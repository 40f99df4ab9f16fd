"""Measures the loader, and holds what its measurements and tests share."""
