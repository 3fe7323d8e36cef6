"""The shapes of what `--json` prints, as JSON Schema 2020-12, made from the very enumerations that are printed."""
