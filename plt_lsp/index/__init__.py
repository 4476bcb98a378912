"""The index of a workspace's source files: what each defines and imports, kept fresh by a process of its own.

The server reads what that process has written and waits for none of it. Nothing here knows the editor or the engine.
"""
