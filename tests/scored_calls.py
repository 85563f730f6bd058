"""Calls of a live monitor with the stand-in model, from a script of sounds, gaps, words and stages."""

from itertools import count

import msgspec
import numpy as np
from voices import SETTINGS, LoudIsAngry, channels, encoded, hush, lines, monitor, turns, voice

from sentiment_engine import load_cues, load_playbook, wire

CUES, PLAYBOOK = load_cues(), load_playbook()
CALM_DB, HOT_DB = -32.0, -14.0
SOUNDS = {
    "calm": channels(turns(voice(3.0, CALM_DB, 1), hush(0.5)), hush(3.5)),
    "answer": channels(hush(3.2), turns(voice(3.0, CALM_DB, 2), hush(0.2))),
    "shout": channels(hush(4.0), voice(4.0, HOT_DB, 3)),
    "agent shouts": channels(voice(4.0, HOT_DB, 6), hush(4.0)),
    "both": channels(voice(4.0, HOT_DB, 4), voice(4.0, HOT_DB, 5)),
    "one mix": channels(voice(12.0, CALM_DB, 7), voice(12.0, CALM_DB, 7)),
    "noise": channels(
        hush(6.0), np.random.default_rng(8).normal(0, 900, 48_000).astype(np.int16) + voice(6.0, -24.0, 8)
    ),
    "silence": channels(hush(6.3), hush(6.3)),
}
SAID = (
    ("agent", "watch your back"),
    ("customer", "I don't want to live"),
    ("customer", "I will call the police"),
    ("agent", "this is not a bad word"),
)


def told(steps, *, settings=SETTINGS, parties=("agent", "customer"), skip=0, context=None, rate_hz=8000):
    """The events of a live call of sounds, gaps, words and stages; every ``skip``-th window is skipped."""
    call = monitor(
        settings, channels=parties, playbook=PLAYBOOK, cues=CUES, context=context, sample_rate_hz=rate_hz
    )
    model, number, out = LoudIsAngry(), count(1), []

    def judged(windows):
        return call.judge(
            [None if skip and next(number) % skip == 0 else model.row(window.samples) for window in windows]
        )

    for step in steps:
        if isinstance(step, float):
            out += judged(call.gap(step, "lost"))
        elif step in SOUNDS:
            sound = SOUNDS[step] if len(parties) == 2 else SOUNDS[step][:, 1:]
            out += judged(call.listen(encoded(sound)))
        elif isinstance(step, int):
            party, text = SAID[step]
            call.transcript(party if len(parties) == 2 else parties[0], text, call.heard_s, call.heard_s)
        else:
            call.set_stage(step)
    return out + judged(call.close("stop"))


def read_back(events):
    """Events as a file gives them back."""
    return [wire.decode(line) for line in lines(events)]


def with_(settings, **tables):
    """Settings with some fields of some tables changed."""
    return msgspec.structs.replace(
        settings,
        **{
            name: msgspec.structs.replace(getattr(settings, name), **fields)
            if isinstance(fields, dict)
            else fields
            for name, fields in tables.items()
        },
    )
