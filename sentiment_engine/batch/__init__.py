"""Recordings on disk: the live monitor, fed from files. Nothing in the core knows that this exists."""
