"""What is remembered, where, and who may write it."""
