"""Trust: evidence for and against an agent, and what it says of the agent at an instant."""
