"""What each market's law allows to be judged of whom; ``Settings.profile`` names one.

A profile says on which **basis** (``events.py``) a party may be judged. The engine obeys where the audio is
heard: a voice that may not be judged by ``acoustic_emotion`` is never handed to the model, see
``listening.py``. This is not legal advice; who runs the engine confirms the profile with counsel. In every
profile scores decide nothing about a person by themselves, and no aggregate of an agent exists.

Sources: EU AI Act (Regulation (EU) 2024/1689) Art. 5(1)(f), inferring emotions of a person in the workplace
is prohibited; the Commission's guidelines on it name call centres: employees' emotions by voice, prohibited;
customers' emotions, not prohibited by that article. Recital 18: a raised voice is readily apparent and no
emotion. Art. 50(3): people exposed are told. GDPR Art. 22 and 35. China: Personal Information Protection Law
Art. 24, 28 to 30, 55. United States: 18 USC 2511(2)(d), all-party states (California Penal Code 632). United
Kingdom: UK GDPR Art. 22 and 35, FCA PRIN 2A.
"""

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Literal

import msgspec

from sentiment_engine.events import Basis, Party, ProfileName
from sentiment_engine.settings import Settings
from sentiment_engine.settings_alerts import PlaybookSettings

ALL: tuple[Basis, ...] = ("acoustic_emotion", "observable", "text", "metadata")
NO_EMOTION: tuple[Basis, ...] = ("observable", "text", "metadata")


class Profile(msgspec.Struct, frozen=True, kw_only=True):
    """One market's rules."""

    name: ProfileName
    jurisdiction: str
    """Playbook entries marked ``off_in`` this one are not shown."""
    bases: Mapping[Party, tuple[Basis, ...]]
    """What a party may be judged by. ``mixed`` is a channel that holds the agent's voice, too."""
    notices: tuple[str, ...]
    """What people must have been told or what must have been done before; the engine cannot check it."""
    automated_decisions: Literal["never"] = "never"
    """Whether a score may decide about a person."""

    def allows(self, party: Party, basis: Basis) -> bool:
        """Whether ``party`` may be judged by ``basis``."""
        return basis in self.bases[party]

    def refused(self, parties: Sequence[Party]) -> dict[Party, tuple[Basis, ...]]:
        """For each party of whom something is not judged: what."""
        refused = {party: tuple(b for b in ALL if not self.allows(party, b)) for party in parties}
        return {party: bases for party, bases in refused.items() if bases}


_EVERYONE: Mapping[Party, tuple[Basis, ...]] = MappingProxyType({"agent": ALL, "customer": ALL, "mixed": ALL})

PROFILES: Mapping[ProfileName, Profile] = MappingProxyType(
    {
        "cn": Profile(
            name="cn",
            jurisdiction="CN",
            bases=_EVERYONE,
            notices=(
                "Tell both parties at the start that the call is recorded and analysed for tone, and why.",
                "Treat emotion inferred from a voice as sensitive: separate consent, assessment of impact.",
                "Use what is said of the agent for coaching only.",
            ),
        ),
        "us": Profile(
            name="us",
            jurisdiction="US",
            bases=_EVERYONE,
            notices=(
                "Obtain the consent to recording that the strictest state involved asks for.",
                "Use what is said of the agent for coaching only.",
            ),
        ),
        "gb": Profile(
            name="gb",
            jurisdiction="GB",
            bases=_EVERYONE,
            notices=(
                "Tell both parties at the start that the call is recorded and analysed for tone, and why.",
                "Make a data protection impact assessment first.",
                "Use what is said of the agent for coaching only.",
            ),
        ),
        "eu": Profile(
            name="eu",
            jurisdiction="EU",
            bases=MappingProxyType({"agent": NO_EMOTION, "customer": ALL, "mixed": NO_EMOTION}),
            notices=(
                "Tell the customer that a system infers emotions from the voice (AI Act Art. 50(3)).",
                "Tell both parties at the start that the call is recorded and analysed, and why.",
                "Make a data protection impact assessment first.",
            ),
        ),
    }
)


def playbook_settings(settings: Settings) -> PlaybookSettings:
    """The playbook's settings, with the profile's jurisdiction where none is set."""
    chosen = settings.playbook.jurisdiction or PROFILES[settings.profile].jurisdiction
    return msgspec.structs.replace(settings.playbook, jurisdiction=chosen)
