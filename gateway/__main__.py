"""`python -m gateway` is the `onecard` command."""

from gateway.cli import main

main()
