"""`keywright provider`: what is known of the providers, and those of one's own."""
