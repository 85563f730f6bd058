"""What telephony platforms speak: one small file each, all of one shape (:mod:`.shape`)."""

from collections.abc import Mapping

from sentiment_engine.live.dialects.shape import Dialect
from sentiment_engine.live.dialects.twilio import Twilio

DIALECTS: Mapping[str, type[Dialect]] = {
    "/v1/twilio": Twilio,
}
"""Path -> what is spoken there."""
