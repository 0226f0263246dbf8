"""From scores to p-values: ranks among past scores of the agent, its peers and the fleet."""
