"""Sends the published profile fields to ICOMMKT: `python -m loaders.icommkt push`. See docs/push.md."""
