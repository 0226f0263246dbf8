"""From records to commits: the loop, the worker, and what judges a recording."""
