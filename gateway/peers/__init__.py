"""How this gateway speaks to other gateways: as a client of the same public contract."""
