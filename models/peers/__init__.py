"""What agents share: who knows a value, values that spread, reports, and published snapshots."""
