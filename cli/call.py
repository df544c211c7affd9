"""meshctl call: call a method of a running node."""

from __future__ import annotations

import click

from rtmesh.cli.live_names import complete_methods
from rtmesh.cli.options import Session, form_option, scheduler_option


@click.command(
    epilog="Examples: meshctl call summer.Reset; meshctl call count/summer.Reset '{\"total\": 7}'; "
    "echo '{\"total\": 7}' | meshctl call summer.Reset -; "
    "meshctl call decoder.Calibrate @request.json -o json."
)
@click.argument("method", metavar="[GRAPH/]NODE.METHOD", shell_complete=complete_methods)
@click.argument("request", metavar="[JSON|-|@FILE]", default="{}")
@form_option
@scheduler_option
def call(session: Session, method: str, request: str, form: str) -> None:
    """Call METHOD of a node and print its response. The node answers between two steps.

    The request is a JSON object with fields as the proto names them: enums by name, bytes in base64, arrays
    as nested lists or {"dtype": "float32", "shape": [2], "data": [1, 2]}. Give it as it is, as - for stdin,
    or as @FILE. Without one, every field is unset. A wrong METHOD lists those that there are.
    """
    from rtmesh.cli.calling import read_request, spec_of
    from rtmesh.cli.messages import Look, json_line, text_lines
    from rtmesh.cli.naming import find_node, split_member
    from rtmesh.client.node import NodeClient

    owner, name = split_member(method, "METHOD")
    values = read_request(request)
    found = find_node(session.client, owner)
    with NodeClient.of(found.graph, found.status) as node:
        response = node.call(spec_of(node, name).name, values)
    if form == "json":
        click.echo(json_line(response))
        return
    for line in text_lines(response, Look(is_full=True)) or ["{}"]:
        click.echo(line)
