"""Text as cues are compared with it: tokens, of any language, in time linear in the text.

A token is a Chinese character, or a run of letters and digits; case, width, accents, apostrophes, punctuation
and spaces make no difference. So a Chinese cue matches across spaces, and an English one matches whole words.
"""

import re
import unicodedata

import msgspec

LONGEST_TOKEN = 40
"""Characters kept of one token; no cue has a longer word."""
MARKS = frozenset(",.!?;:。、\n")
"""Punctuation that ends a clause, as normalisation leaves it."""

_CHINESE = "\u3400-\u4dbf\u4e00-\u9fff\U00020000-\U0003ffff"
_TOKEN = re.compile(f"[,.!?;:。、\\n]|[{_CHINESE}]|[^\\W_{_CHINESE}]+")


class Tokens(msgspec.Struct, frozen=True):
    """Text as it is compared."""

    words: tuple[str, ...]
    marked: tuple[bool, ...]
    """For each word, whether punctuation that ends a clause stands before it."""

    def joined(self, after: "Tokens") -> "Tokens":
        """These and then those."""
        return Tokens(self.words + after.words, self.marked + after.marked)

    def tail(self, most: int) -> "Tokens":
        """The last ``most``, above 0."""
        return Tokens(self.words[-most:], self.marked[-most:])


def tokens_of(text: str) -> Tokens:
    """The tokens of any text; what is no letter or digit, lone surrogates too, only separates."""
    text = text.replace("'", "").replace("’", "")
    if not text.isascii():
        # Marks go first: normalising a long run of them would take time that grows with its square.
        text = unicodedata.normalize("NFKD", _plain(text))
        text = _plain(text)
    words: list[str] = []
    marked: list[bool] = []
    mark = False
    for token in _TOKEN.findall(text.casefold()):
        if token in MARKS:
            mark = True
            continue
        words.append(token[:LONGEST_TOKEN])
        marked.append(mark)
        mark = False
    return Tokens(tuple(words), tuple(marked))


def _plain(text: str) -> str:
    return "".join(c for c in text if not unicodedata.combining(c) and unicodedata.category(c) != "Cf")
