"""What people do about cases and agents: decisions, comments, suppressions, quarantine."""
