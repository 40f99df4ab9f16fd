"""Stand-ins for the systems on either side: a Magento store and the ICOMMKT API, on loopback."""
