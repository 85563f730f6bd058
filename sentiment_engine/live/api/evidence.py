"""Evidence and recordings, described."""

from collections.abc import Mapping

from sentiment_engine.live.api.bodies import NamedRecording, Peaks
from sentiment_engine.live.api.operation import Content, Operation, words
from sentiment_engine.live.recording import RecordingBody

EVIDENCE: Mapping[str, Operation] = {
    "/v1/checkpoints": Operation(
        id="getCheckpoint",
        tag="Evidence",
        summary="The newest signed checkpoint of the log",
        text="A [signed note](https://c2sp.org/tlog-checkpoint): keep it elsewhere, and the log cannot be "
        "rewritten behind it without being found out.",
        answers={200: Content("The note.", {"type": "string"}, ("text/plain",))},
        errors=("bad_query", "no_key", "unknown_id"),
    ),
    "/v1/calls/{call_id:path}/evidence": Operation(
        id="getEvidence",
        tag="Evidence",
        summary="What proves one call",
        text="Verify it with `sentiment-engine evidence verify`.",
        parameters=(
            words(
                "seen",
                "Size of a checkpoint that was kept elsewhere: the bundle proves that the log continues it.",
                pattern="^[0-8]?[0-9]{1,18}$",
            ),
        ),
        answers={
            200: Content(
                "Events, inclusion proofs, reviews and checkpoint in one file.",
                {"type": "string", "format": "binary"},
                ("application/zip",),
                {"Content-Disposition": "The file's name."},
            )
        },
        errors=("bad_query", "no_key", "unknown_id", "log_altered"),
    ),
    "POST /v1/calls/{call_id:path}/recording": Operation(
        id="nameRecording",
        tag="Recordings",
        summary="Names the recording of a call by its hash",
        text="Its hash becomes part of the log; the file stays where it is. The first one stays: sent again "
        "it counts once, another one is refused.",
        body=RecordingBody,
        answers={200: Content("The recording that is the call's.", NamedRecording)},
        errors=("bad_query", "unknown_id", "recording_known"),
    ),
    "/v1/calls/{call_id:path}/recording": Operation(
        id="getRecording",
        tag="Recordings",
        summary="The audio of a call",
        text="One FLAC file on the call's own clock, a channel for each party; of a live call what is on "
        "disk so far. Logged with the caller's name.",
        answers={
            200: Content(
                "The file.",
                {"type": "string", "format": "binary"},
                ("audio/flac",),
                {"Content-Disposition": "The file's name."},
            )
        },
        errors=("bad_query", "unknown_id", "no_recording", "recording_unreadable"),
    ),
    "/v1/calls/{call_id:path}/recording/peaks": Operation(
        id="getPeaks",
        tag="Recordings",
        summary="What the waveform of a call is drawn from",
        answers={200: Content("Peaks of each channel.", Peaks)},
        errors=("bad_query", "unknown_id", "no_recording", "recording_unreadable"),
    ),
}
"""As in ``rights.py``: name of a route -> what it does."""
