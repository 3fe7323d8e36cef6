"""Renew what is due: one entry behind a caller, everything once, or everything for as long as the agent runs."""
