"""The process of the simulated platforms: `python -m gateway.sandbox FOLDER`."""

import asyncio
import sys
from pathlib import Path

from gateway.sandbox.layout import Layout
from gateway.sandbox.platforms import run_platforms

asyncio.run(run_platforms(Layout.load(Path(sys.argv[1]))))
