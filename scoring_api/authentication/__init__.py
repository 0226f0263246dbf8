"""Authentication of callers: keys, tokens, certificates, and refusals."""
