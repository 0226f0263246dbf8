"""What data scientists use: made-up data, evaluation, tuning. The product does not import it."""
