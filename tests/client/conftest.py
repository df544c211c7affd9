"""A served node for the tests of its client."""

from __future__ import annotations

from served_node_fixtures import node as node
from served_node_fixtures import own_node as own_node
