"""The commands themselves: each parses its arguments, calls one module beside this folder, and prints."""
