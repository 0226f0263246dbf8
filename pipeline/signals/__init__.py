"""Transmitters of security events (SSF): who is trusted, and how to talk to them."""
