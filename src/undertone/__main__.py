"""`python -m undertone` is `undertone`."""

from undertone.cli import main

main(prog_name="undertone")
