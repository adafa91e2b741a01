"""The process of the simulated platforms: `python -m gateway.sandbox FOLDER`."""

import asyncio
import sys
from pathlib import Path

from gateway.errors import SettingsError
from gateway.lifeline import end_with_parent
from gateway.sandbox.layout import Layout
from gateway.sandbox.platforms import run_platforms

end_with_parent()
try:
    asyncio.run(run_platforms(Layout.load(Path(sys.argv[1]))))
except SettingsError as error:
    sys.exit(str(error))
