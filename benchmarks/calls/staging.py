"""From a conversation to its two channels, and to the truth about it."""

from __future__ import annotations

import math

import numpy as np

from benchmarks.calls.scripts import ANGRY, DISTRESS, Script
from benchmarks.calls.truth import PARTIES, Escalation, rms
from benchmarks.calls.turns import Talk
from benchmarks.telephone import RATE_HZ, Float32

RAISED_DB = 3.0
"""A hot party's speech this much above its calm speech on average may rightly be called a raised voice."""
OFTEN = 2
"""Interruptions in a span from which it may rightly be called one of interruptions, or of overlap."""


def mixed(script: Script, talk: Talk, rng: np.random.Generator) -> tuple[Float32, tuple[float, float]]:
    """The two channels with calm speech at RMS 1, and how much louder each party's hot speech is, dB."""
    n = math.ceil(talk.acts[-1][1]) * RATE_HZ  # whole seconds: Fourier transforms of prime lengths are slow
    channels = np.zeros((n, 2), np.float32)
    louder = [
        (start, rng.uniform(*act.louder_db))
        for act, (start, _) in zip(script.acts, talk.acts, strict=True)
        if act.louder_db
    ]
    for one in talk.said:
        at = round(one.start_s * RATE_HZ)
        later_db = sum(db for start, db in louder if one.party == 1 and one.start_s >= start)
        piece = channels[at : at + len(one.samples), one.party]
        piece += one.samples[: len(piece)] * np.float32(10 ** (later_db / 20))
    rises = []
    for party in (0, 1):
        turns = [one for one in talk.said if one.party == party and one.what != "backchannel"]
        hot = [one.samples for one in turns if one.mood == ANGRY]
        calm = [one.samples for one in turns if one.mood not in (ANGRY, DISTRESS)] or hot
        level = rms(np.concatenate(calm)) or 1.0
        channels[:, party] /= np.float32(level)
        rises.append(20 * float(np.log10(max(rms(np.concatenate(hot)), 1e-9) / level)) if hot else 0.0)
    return channels, (rises[0], rises[1])


def escalations(
    script: Script, talk: Talk, louder_db: tuple[float, float], order: tuple[int, int]
) -> tuple[Escalation, ...]:
    """What alerts may tell of; `order` says which of the script's parties is the agent, the customer."""
    names = {written: PARTIES[place] for place, written in enumerate(order)}
    if script.kind == "calm":
        return ()
    if script.kind == "talk_over":
        start, end = talk.acts[1]
        told = [one for one in talk.said if one.what == "interruption" and start <= one.start_s < end]
    else:
        told = [one for one in talk.said if one.mood in (ANGRY, DISTRESS)]
    parties = tuple(names[party] for party in dict.fromkeys(one.party for one in told))
    onset_s, until_s = told[0].start_s, min(max(one.end_s for one in told), talk.acts[-1][1])
    breaks = sum(one.what == "interruption" and onset_s <= one.start_s < until_s for one in talk.said)
    main: tuple[str, ...] = ("interruptions", "overlap")
    causes = main
    if script.kind == "distress":
        main = causes = ("customer_distress",)
    elif script.kind == "escalation":
        main = tuple(f"{party}_anger" for party in parties)
        main += ("mutual_escalation",) if len(parties) == 2 else ()
        hot = {one.party for one in told}
        causes = main
        causes += ("raised_voice",) if max(louder_db[party] for party in hot) >= RAISED_DB else ()
        causes += ("interruptions", "overlap") if breaks >= OFTEN else ()
    return (
        Escalation(
            onset_s=round(onset_s, 3),
            until_s=round(until_s, 3),
            parties=parties,
            main=main,
            causes=causes,
            demanded=script.kind == "escalation",
        ),
    )
