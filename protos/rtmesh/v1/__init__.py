"""rtmesh.v1: the mesh's protobuf contracts. The modules beside this file are generated."""
