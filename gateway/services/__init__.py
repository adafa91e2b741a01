"""Use cases, one a file: what the gateway does, free of gRPC and HTTP."""
