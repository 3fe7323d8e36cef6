"""`keywright vault`: long-lived secrets, and the key that they are under."""
