"""What all agents teach together: snapshots of what they share."""
