"""rtmesh.common: what every process of the mesh needs. Import its modules, not this package."""
