"""Who asks: keys, tokens and certificates, and what happens to the others."""
