"""What is kept of calls: every event and its leaf hash, the newest state of calls and alerts, webhooks due.

``schema.py`` names the tables, ``database.py`` opens them, ``store.py`` writes and ``reading.py`` reads them;
``commits.py`` is the one thread that writes. docs/archive.md tells operators the rest.
"""
