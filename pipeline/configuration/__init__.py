"""The model configuration: parameter files, and the configuration in effect."""
