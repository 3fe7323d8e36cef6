"""`keywright why`: what a client would get for a place, and why, with nobody asked and nothing changed."""
