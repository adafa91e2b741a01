"""Measurements of a gateway beside bare references run in the same command: `python -m bench`."""
