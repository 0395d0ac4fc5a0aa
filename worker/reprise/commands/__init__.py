"""One module a command, each with a click command named `command`; worker/reprise/cli.py lists them."""
