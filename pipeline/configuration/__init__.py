"""The configuration of the model: a file of parameters, and which one is in effect."""
