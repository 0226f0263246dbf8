"""Trust answers in memory, kept fresh, and the quickest way to one."""
