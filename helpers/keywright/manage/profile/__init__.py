"""`keywright profile`: the accounts one has, kept in the vault or written in `config.toml`."""
