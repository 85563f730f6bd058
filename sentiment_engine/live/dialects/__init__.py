"""What telephony platforms speak: one small file each, all of one shape (:mod:`.shape`)."""

from collections.abc import Mapping

from sentiment_engine.live.dialects.asterisk import Asterisk
from sentiment_engine.live.dialects.exotel import Exotel
from sentiment_engine.live.dialects.genesys import Genesys
from sentiment_engine.live.dialects.l16 import L16
from sentiment_engine.live.dialects.plivo import Plivo
from sentiment_engine.live.dialects.shape import Dialect
from sentiment_engine.live.dialects.telnyx import Telnyx
from sentiment_engine.live.dialects.twilio import SignalWire, Twilio

DIALECTS: Mapping[str, type[Dialect]] = {
    "/v1/asterisk": Asterisk,
    "/v1/audiohook": Genesys,
    "/v1/twilio": Twilio,
    "/v1/signalwire": SignalWire,
    "/v1/telnyx": Telnyx,
    "/v1/exotel": Exotel,
    "/v1/plivo": Plivo,
    "/v1/l16": L16,
}
"""Path -> what is spoken there."""
