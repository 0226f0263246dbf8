"""The checks of `habitus doctor`, one function each."""
