"""`python -m lab`, which scripts/lab runs."""

from lab.command import command

command(prog_name="scripts/lab")
