"""What a shell offers while a `keywright` command is being typed."""
