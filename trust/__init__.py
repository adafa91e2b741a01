"""Whom a gateway believes: keys, tokens, agreements. Pure: no input or output, no clock, no hidden state."""
