"""The running node: wires adapters and trust together and serves them by gRPC."""

import os
import signal
import sys

# gRPC writes prose to standard error beside our lines; of what is no error, such as a peer that goes away, none.
os.environ.setdefault("GRPC_VERBOSITY", "ERROR")

# Ctrl-C while the command is still being loaded ends it without a trace; `gateway.cli.main` takes over from here.
if sys.argv[0].endswith("onecard") and signal.getsignal(signal.SIGINT) is signal.default_int_handler:
    signal.signal(signal.SIGINT, signal.SIG_DFL)
