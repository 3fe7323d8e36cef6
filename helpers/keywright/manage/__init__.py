"""The `keywright` commands, one file each."""
