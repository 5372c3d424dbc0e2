"""`python -m drml` is the command `drml`."""

from drml.cli.main import main

if __name__ == "__main__":
    main()
