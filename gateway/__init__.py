"""The running node: wires adapters and trust together and serves them by gRPC."""
