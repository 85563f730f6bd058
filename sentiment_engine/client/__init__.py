"""The other end of our own sockets: play a recording into ``/v1/stream``, follow ``/v1/feed``."""
