"""What the user wrote: `config.toml`, read once, checked strictly, frozen."""
