"""The command line: it parses, calls and prints, without heavy imports before a command runs."""

from .commands import app, main

__all__ = ["app", "main"]
