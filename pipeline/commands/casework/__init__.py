"""Commands of people who decide about cases and agents."""
