"""Long-lived secrets at rest: one sealed file, and the keys that open it."""
