"""The demo: every server of Redress in one process tree, on a machine that has nothing but Python."""
