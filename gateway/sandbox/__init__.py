"""The demonstration federation: simulated platforms, generated keys, nine gateways on this machine."""
