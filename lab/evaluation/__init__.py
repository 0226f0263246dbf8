"""Evaluation of detection against labels or planted cases, with baselines."""
