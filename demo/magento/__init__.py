"""A demo Magento store: its data (`generate`) and the HTTP server that answers like Magento."""
