"""Connect an agent of this machine: a small change of its settings, which can be taken back."""
