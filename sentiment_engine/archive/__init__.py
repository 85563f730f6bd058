"""What is kept of calls, and the proof that it is unaltered. Nothing in the core knows that this exists.

``schema.py`` names the tables, ``database.py`` opens them, ``store.py`` writes and ``reading.py`` reads them;
``commits.py`` is the one thread that writes. ``merkle.py``, ``checkpoints.py`` and ``bundle.py`` make the
proof, ``verify.py`` checks it. docs/archive.md and docs/evidence.md tell operators the rest.
"""
