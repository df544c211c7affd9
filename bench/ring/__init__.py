"""How fast is the ring between two processes, beside its rivals? `python -m bench.ring --help`."""
