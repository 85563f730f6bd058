"""What other rules would have done with calls that were scored before: thresholds, and what-if.

``scored.py`` reads events from disk, ``marks.py`` what people marked; ``thresholds.py`` and ``whatif.py`` ask
:func:`sentiment_engine.replay.replay`; ``plot.py`` and ``settings_file.py`` write what came of it.
"""
