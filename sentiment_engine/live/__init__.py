"""The live server: sockets, clocks and threads around the pure core.

Read in this order: ``messages`` (what clients say and how they are refused), ``hub`` (one feed of every
event), ``scorer`` (one model run for many calls), ``call`` and ``calls`` (the calls and their lives),
``stream`` and ``feed`` (the two sockets), ``transport`` (uvicorn, hardened), ``app`` (all of it on one port).
"""
