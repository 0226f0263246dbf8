"""Sessions of a coding agent on one machine, as the transcripts that it writes."""
