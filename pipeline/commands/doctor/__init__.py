"""What `habitus doctor` checks: one function a thing."""
