"""Trust: evidence for and against an agent, and the answer at an instant."""
