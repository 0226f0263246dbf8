"""What detection is worth, measured against labels or planted cases, beside baselines."""
