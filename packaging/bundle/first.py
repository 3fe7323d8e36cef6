"""The frozen bundle's first runtime hook: a hit ends the process here, before any hook of PyInstaller's own."""

import os
import sys

from keywright import hit

hit.give_back(os.environ, getattr(sys, "_MEIPASS", ""))
try:  # PyInstaller's own start, which came before this, takes it out; programs that we run may want it
    with open("/proc/self/environ", "rb") as file:
        for variable in file.read().split(b"\0"):
            if variable.startswith(b"VIRTUAL_ENV="):
                os.environb.setdefault(b"VIRTUAL_ENV", variable.partition(b"=")[2])
except OSError:
    pass
try:
    read = hit.answer(os.path.basename(sys.argv[0]))
except KeyboardInterrupt:
    os._exit(130)

from keywright.bin import bundle  # noqa: E402 - a hit does not pay for it

bundle.read = read
