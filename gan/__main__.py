"""``python -m gan`` is the command ``gan``."""

from .cli import main

main(prog_name="gan")
