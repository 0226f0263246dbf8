"""What every request passes: guards, bodies, batches of events, and whom it comes from."""
