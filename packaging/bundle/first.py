"""The frozen bundle's first runtime hook: a hit ends the process here, before any hook of PyInstaller's own."""

import os
import sys

from keywright import hit

hit.give_back(os.environ, getattr(sys, "_MEIPASS", ""))
try:
    read = hit.answer(os.path.basename(sys.argv[0]))
except KeyboardInterrupt:
    os._exit(130)

from keywright.bin import bundle  # noqa: E402 - a hit does not pay for it

bundle.read = read
