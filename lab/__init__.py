"""Tools for data scientists: synthetic data, evaluation and tuning.

The product does not import this package.
"""
