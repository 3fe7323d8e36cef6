"""One file per executable: a docstring and one call. The client executables are installed as scripts."""
