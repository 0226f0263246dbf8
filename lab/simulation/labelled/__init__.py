"""A synthetic labelled log: sessions with requests, arguments and origins, some injected."""
