"""`python -m drml` is the command `drml`."""

from drml.cli.main import main

main()
