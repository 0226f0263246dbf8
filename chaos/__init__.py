"""Kill workers, broker and database at random, and check that the results are unaffected.

`python -m chaos` or `make chaos`; a short run is part of the tests.
"""
