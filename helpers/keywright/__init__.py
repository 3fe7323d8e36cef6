"""Short-lived credentials for kubectl, git, docker and programs, from one shared cache.

Importing this package imports nothing else: the helpers pay for every line here on every call.
"""

__version__ = "0.1.0"
