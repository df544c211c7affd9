"""What the command line, notebooks and tests call to use a mesh."""

from rtmesh.client.client import Client

__all__ = ["Client"]
