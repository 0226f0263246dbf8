"""How much hardware a load needs."""
