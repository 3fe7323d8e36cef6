"""The tracer: who is asked for a trace, what may stand in it, and where it is written."""
