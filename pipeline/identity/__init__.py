"""One agent, many identifiers: which belong together, on what evidence, and who confirmed it."""
