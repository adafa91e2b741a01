"""The gRPC surface: servicers, conversion, and the boundary that lets only contract errors out."""
