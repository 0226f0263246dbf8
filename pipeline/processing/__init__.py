"""From records to commits: the loop, the worker, and the judging of recordings."""
