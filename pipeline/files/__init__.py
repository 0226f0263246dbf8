"""Files named by people: bounded reads, atomic writes, no accidental overwrites."""
