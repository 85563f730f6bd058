"""Which track carries whom. The integrator's word counts; the direction of the call never does."""

from collections.abc import Mapping

from sentiment_engine.events import Party
from sentiment_engine.live.dialects.told import Told, as_text
from sentiment_engine.live.messages import Refused

TRACKS: Mapping[str, Party] = {"outbound": "agent", "inbound": "customer"}
"""What the platform hears from the caller is inbound: the customer, unless the integrator says otherwise."""
NAMELESS = ""
"""The one track of a stream that names none."""
_OTHER: dict[Party, Party] = {"agent": "customer", "customer": "agent"}


def parties(told: Told, tracks: object, untold: tuple[str, ...]) -> dict[str, Party]:
    """Track to party, in the order of the call's channels.

    Args:
        told: ``tracks`` says which to listen to; ``agent_track``, ``inbound`` and ``outbound`` say who speaks
            there; ``party`` says it of a stream of one track.
        tracks: what the platform announces, or nothing.
        untold: the tracks when nobody says.

    Raises:
        Refused: ``bad_message``: no such track or party, or two that contradict each other.
    """
    names = _names(told.text("tracks"), tracks) or untold
    if len(set(names)) != len(names):
        raise Refused("bad_message", f"tracks {', '.join(names)}: each can come only once")
    lone = told.party("party")
    if lone is None:
        roles = _roles(told)
        return {name: roles.get(name, "mixed") for name in (*TRACKS, NAMELESS) if name in names}
    if len(names) > 1:
        raise Refused("bad_message", "party is for a stream of one track: for two, say agent_track")
    return {names[0]: lone}


def track_name(name: object) -> str:
    """``inbound`` or ``outbound``, also from ``inbound_track``.

    Raises:
        Refused: ``bad_message``: it is neither.
    """
    plain = as_text(name, "track").lower().removesuffix("_track")
    if plain not in TRACKS:
        raise Refused("bad_message", f"track {plain[:40]!r} is neither inbound nor outbound")
    return plain


def _names(wanted: str | None, announced: object) -> tuple[str, ...]:
    if wanted is not None:
        each = list(TRACKS) if wanted.lower() in ("both", "both_tracks") else wanted.split(",")
    elif not announced:
        return ()
    elif not isinstance(announced, list):
        raise Refused("bad_message", "start.tracks must be a list")
    else:
        each = announced
    return tuple(track_name(name) for name in each)


def _roles(told: Told) -> Mapping[str, Party]:
    agent = told.one_of("agent_track", tuple(TRACKS))
    said: dict[str, Party] = {} if agent is None else {agent: "agent"}
    for track, party in ((track, told.party(track)) for track in TRACKS):
        if party is None:
            continue
        if party == "mixed" or said.get(track, party) != party:
            raise Refused("bad_message", f"{track} is told to be {party}: say agent or customer, and once")
        said[track] = party
    if not said:
        return TRACKS
    first, second = TRACKS
    roles = {first: said.get(first) or _OTHER[said[second]], second: said.get(second) or _OTHER[said[first]]}
    if roles[first] == roles[second]:
        raise Refused("bad_message", f"both tracks are told to be the {roles[first]}: one is the other party")
    return roles
