"""The frozen bundle's first runtime hook: a hit ends the process here, before any hook of PyInstaller's own."""

import os
import sys

from keywright.bin import bundle

bundle.read = bundle.answer(sys.argv[0], os.environ)
