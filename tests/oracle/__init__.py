"""An oracle of the pipeline: what the contacts mart and the payloads must say, in plain Python.

It takes the shop's documents (or rows shaped like raw tables) and the seeds, knows the meanings of the words from the
project's documentation alone, and shares no code with the loaders or the models: a difference between the two is a
mistake in one of them.
"""

from .oracle import Oracle

__all__ = ["Oracle"]
