"""What things cost. Run as `python -m bench.…` from the root of the checkout; no part of the package."""
