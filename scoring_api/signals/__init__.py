"""The receiver of security event tokens (SSF): verified, stored, then acknowledged."""
