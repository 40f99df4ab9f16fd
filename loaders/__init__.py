"""What moves data: Magento to the warehouse, the warehouse to ICOMMKT, and the nightly chain."""
