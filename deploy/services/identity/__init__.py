"""Issuers of identities: started only where they were fetched before, or asked for by name."""
