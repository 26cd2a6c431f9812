"""The command line: it parses, calls and prints, without heavy imports before a command runs."""

from .program import app, main

__all__ = ["app", "main"]
