"""A made-up labelled log: sessions with requests, arguments and their origins, some injected."""
