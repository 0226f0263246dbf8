"""Workers, broker and database that die at random, and a check that nothing of it shows.

`python -m chaos` or `make chaos`; a short run is part of the tests.
"""
