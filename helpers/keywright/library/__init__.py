"""For programs that run for days: the helpers' credentials, current at each use, in threads, tasks and processes."""
