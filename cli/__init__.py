"""rtmesh.cli: meshctl and meshd, one file a verb."""
