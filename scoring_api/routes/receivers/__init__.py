"""Routes that receive what agents, frameworks and gateways report in formats of their own."""
