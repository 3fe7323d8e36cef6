"""`keywright resolve`: any credential that will do, of one provider or of several."""
