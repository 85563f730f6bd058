"""Everything that can go wrong, by who should act.

    EngineError
    ├── BadAudio        the caller's audio cannot be used: end that call, keep serving
    ├── BadMessage      the caller's message cannot be understood: tell them, keep serving
    ├── BadEvidence     a bundle, a signed note or a proof does not hold: nothing it says is proven
    ├── BadRecording    kept audio cannot be read back: it is altered, lost, or of another key
    ├── NoTimeStamp     an outside authority gave no good time stamp: stay unanchored, try again later
    ├── BadSettings     the operator must fix a file or an option: refuse to start
    └── ModelMismatch   the model is not the one its description promises: refuse to start

The core raises these and nothing else on bad input; the edge turns each branch into a close code or an
exit status, once.
"""


class EngineError(Exception):
    """Base of every error this package raises on purpose; the message names the input and the remedy."""


class BadAudio(EngineError):
    """The caller's audio cannot be used: end that call, keep serving."""


class BadMessage(EngineError):
    """The caller's message cannot be understood or does not belong here: tell them, keep serving."""


class BadEvidence(EngineError):
    """A bundle, a signed note or a proof does not hold: nothing it says is proven."""


class BadRecording(EngineError):
    """Kept audio cannot be read back: it is altered, lost, or of another key."""


class NoTimeStamp(EngineError):
    """An outside authority gave no good time stamp: stay unanchored, try again later."""


class BadSettings(EngineError):
    """The operator must fix a file or an option: refuse to start."""


class ModelMismatch(EngineError):
    """The model is not the one its description promises: refuse to start."""
