"""Pages read back by an HTML parser: whether they are whole, what they hold, what they would load or run."""

from dataclasses import dataclass, field
from html.parser import HTMLParser

VOID = {"meta", "br", "col"}
LOADING = {"src", "srcset", "href", "data", "action", "poster", "background", "ping", "xlink:href"}


@dataclass
class Element:
    tag: str
    attributes: dict[str, str | None]
    children: list["Element"] = field(default_factory=list)
    own: str = ""

    @property
    def text(self) -> str:
        return self.own + "".join(child.text for child in self.children)

    def all(self, tag: str = "", **wanted: str) -> list["Element"]:
        """Every element of a tag (or any) below this one whose attributes contain these words."""
        out = []
        for child in self.children:
            words = {name.rstrip("_"): word for name, word in wanted.items()}
            if (not tag or child.tag == tag) and all(
                word in (child.attributes.get(name) or "").split() for name, word in words.items()
            ):
                out.append(child)
            out += child.all(tag, **wanted)
        return out

    def one(self, tag: str = "", **wanted: str) -> "Element":
        (found,) = self.all(tag, **wanted)
        return found


class _Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.root = Element("", {})
        self.open = [self.root]

    def handle_starttag(self, tag, attrs):
        names = [name for name, _ in attrs]
        assert len(names) == len(set(names)), f"{tag} has an attribute twice"
        element = Element(tag, dict(attrs))
        self.open[-1].children.append(element)
        if tag not in VOID:
            self.open.append(element)

    def handle_endtag(self, tag):
        assert self.open.pop().tag == tag

    def handle_data(self, data):
        self.open[-1].own += data


def read_markup(text: str) -> Element:
    """The root of what ``text`` holds; every tag must be closed where it belongs."""
    reader = _Reader()
    reader.feed(text)
    reader.close()
    assert reader.open == [reader.root], "a tag was left open"
    return reader.root


def read_page(text: str) -> Element:
    """A page's root, once it is certain that the page runs nothing and loads nothing."""
    assert text.startswith("<!doctype html>\n<html ")
    root = read_markup(text.removeprefix("<!doctype html>\n"))
    assert (
        not root.all("script") + root.all("iframe") + root.all("object") + root.all("img") + root.all("link")
    )
    assert "url(" not in root.one("style").own
    assert "@import" not in root.one("style").own
    for element in root.all():
        for name, value in element.attributes.items():
            assert not name.startswith("on"), f"{name} would run something"
            assert name != "style", "the policy would not let it through"
            if name in LOADING:
                assert (element.tag, name) == ("a", "href")
                assert (value or "").startswith("./")
    policies = root.all("meta")
    (policy,) = [m for m in policies if m.attributes.get("http-equiv") == "Content-Security-Policy"]
    assert (policy.attributes["content"] or "").startswith("default-src 'none'; style-src 'sha256-")
    assert "unsafe" not in (policy.attributes["content"] or "")
    ids = [element.attributes["id"] for element in root.all() if "id" in element.attributes]
    assert len(ids) == len(set(ids))
    for element in root.all():
        for name in (element.attributes.get("aria-labelledby") or "").split():
            assert name in ids
    return root
