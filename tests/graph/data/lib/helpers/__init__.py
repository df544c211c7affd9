"""A folder of python_path, found from the graph's nodes."""
