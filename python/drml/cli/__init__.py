"""The command `drml`: one module a subcommand."""
