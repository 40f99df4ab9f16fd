"""The demo ICOMMKT: an HTTP server that answers as far as ICOMMKT's API is publicly known."""
