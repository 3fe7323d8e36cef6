"""The frozen bundle's program: every executable, by the name it is called by."""

from keywright.bin.bundle import main

main()
