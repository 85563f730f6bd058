"""``python -m sentiment_engine``."""

from sentiment_engine.cli import main

if __name__ == "__main__":  # a spawned worker process imports this file too
    main()
