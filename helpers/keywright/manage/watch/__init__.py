"""`keywright status --watch`: the table of what is cached, kept up to date on a terminal."""
