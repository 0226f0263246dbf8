"""Ground truth: labels in the recording, or a file of planted cases.

Only this folder reads labels, and only `joined` calls it, after all judgements are made.
"""
