"""What is kept of calls, and the proof that it is unaltered. Nothing in the core knows that this exists."""
