"""Several accounts at one provider: which there are, whose turn it is, who is cooling down and why."""
