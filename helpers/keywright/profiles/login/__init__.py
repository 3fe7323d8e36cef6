"""Logging in: how a kept profile gets its OAuth grant from a person's consent, and gives it back."""
