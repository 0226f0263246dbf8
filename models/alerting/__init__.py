"""From rarities to cases: combine the families of a session, and keep one story in one case."""
