"""Federation of trust as a node lives it: what it publishes, what it fetches, what it believes and remembers."""
