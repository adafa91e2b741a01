"""Regions and the kit they share: every folder here is a region, every file serves them all."""
