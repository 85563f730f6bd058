"""The page of one call: whole, escaped, bounded, and true to the call's events."""

import msgspec
import pytest
from markup_read import read_page
from scored_calls import SAID, told, with_
from voices import SETTINGS, only

from sentiment_engine.errors import BadMessage
from sentiment_engine.events import (
    Alert,
    AlertCleared,
    AlertRaised,
    AudioGap,
    EmotionScored,
    QualityChanged,
    TensionUpdated,
)
from sentiment_engine.report.call_page import call_page
from sentiment_engine.report.lanes import EMOTIONS, STACK
from sentiment_engine.report.story import story

HOT = ("calm", "answer", "shout", "both", 0, "silence", "silence", "calm")
EVENTS = told(HOT)
OUTLINE = [(at / 10, -0.3, 0.4) for at in range(400)]
EVIL = "</style><script>alert(1)</script>\" onload='x' \u202e\x00&amp;"


def page(events=EVENTS, **how):
    return read_page(call_page(story(events), {"agent": OUTLINE, "customer": OUTLINE}, **how))


def test_a_page_tells_every_alert_its_causes_and_each_phrase_once():
    root, raised = page(raise_at=0.6), only(AlertRaised, EVENTS)
    assert raised
    cards = [one for one in root.all("li", class_="alert") if one.all("h3")]
    assert len(cards) == len(raised)
    shown = [phrase.text for alert in only(Alert, EVENTS) for phrase in alert.suggestions]
    assert shown
    assert sorted(one.text for one in root.all(class_="saying")) == sorted(shown)
    rules = [phrase.rule for alert in only(Alert, EVENTS) for phrase in alert.suggestions]
    assert all(any(rule in card.text for card in cards) for rule in rules)
    (table,) = [one for one in root.all("table") if one.one("caption").text == "Alerts as a table"]
    rows = table.one("tbody").children
    assert len(rows) == len(raised)
    for row, alert in zip(rows, raised, strict=True):
        assert alert.summary in row.text
        assert all(phrase.text in row.text for phrase in alert.suggestions)


def test_the_picture_is_named_described_and_holds_every_lane():
    root = page(raise_at=0.6)
    picture = root.one("svg", class_="timeline")
    assert picture.attributes["role"] == "img"
    assert picture.children[0].tag == "title"
    assert "highest tension" in picture.one("desc").text
    causes = {
        name for tick in only(TensionUpdated, EVENTS) for name, value in tick.causes.items() if value > 0
    }
    assert causes
    assert {one for one in STACK if picture.all("path", class_=one)} == causes
    for party in ("agent", "customer"):
        assert picture.all("path", class_=f"sound {party}".split()[1])
        assert picture.all("rect", class_=party)
    drawn = sum(len(picture.all("rect", class_=emotion)) for emotion in EMOTIONS)
    assert 0 < drawn <= len(only(EmotionScored, EVENTS))
    assert picture.all("path", class_="threshold")
    assert not page().all("path", class_="threshold")
    legend = root.one(class_="legends").text
    assert "raised voice" in legend or "anger" in legend


def test_what_a_score_is_not_stands_on_every_page():
    assert "It must not rank people or decide about them." in page().text
    assert "不得用于排名" in page([msgspec.structs.replace(EVENTS[0], language="zh-CN"), *EVENTS[1:]]).text


def test_a_chinese_call_has_a_chinese_page_and_any_other_an_english_one():
    for language, tag in (("zh-CN", "zh-CN"), ("zh-Hant", "zh-CN"), ("en-GB", "en"), ("es", "en")):
        root = page([msgspec.structs.replace(EVENTS[0], language=language), *EVENTS[1:]])
        assert root.one("html").attributes["lang"] == tag


def test_hostile_ids_texts_and_labels_are_shown_and_run_nowhere():
    events = []
    for event in EVENTS:
        changes = {"call_id": EVIL}
        if isinstance(event, Alert):
            suggestions = tuple(
                msgspec.structs.replace(one, id=EVIL, text=EVIL, rule=EVIL, language=EVIL, technique=EVIL)
                for one in event.suggestions
            )
            changes |= {"summary": EVIL, "suggestions": suggestions, "kind": EVIL, "alert_id": event.alert_id}
        if isinstance(event, EmotionScored):
            changes |= {"scores": {EVIL: 1.0}, "relative": None}
        events.append(msgspec.structs.replace(event, **changes))
    events[0] = msgspec.structs.replace(events[0], language=EVIL, started_at=EVIL)
    plain, root = page(), page(events)
    shown = EVIL.replace("\u202e", "\ufffd").replace("\x00", "\ufffd")
    assert root.one("h1").text == shown
    assert shown in root.one("head").one("title").text
    tags = {element.tag for element in root.all()}
    assert tags <= {element.tag for element in plain.all()}
    assert sum(shown in element.own for element in root.all()) > 10


def test_a_party_that_may_not_be_judged_has_no_emotion_and_the_page_says_why():
    events = told(HOT, settings=with_(SETTINGS, profile="eu"))
    assert events[0].refused
    root = page(events)
    assert "emotion not judged: the eu profile does not allow it" in root.one("svg", class_="timeline").text
    heats = {one.attributes["class"] for one in root.all("path", class_="heat")}
    assert heats == {"heat customer"}


def test_gaps_and_what_is_hard_to_judge_are_drawn_and_listed():
    events = told(("calm", 3.0, "answer", "noise", "noise", "silence"))
    assert only(AudioGap, events)
    assert only(QualityChanged, events)
    root = page(events)
    assert [one for one in root.all("rect") if one.attributes.get("fill") == "url(#hatch)"]
    assert root.all("rect", class_="poor")
    (table,) = [one for one in root.all("table") if one.one("caption").text == "Sound quality"]
    parties = sum(len(only(kind, events)) for kind in (AudioGap, QualityChanged))
    assert len(table.one("tbody").children) == parties


def test_one_mixed_channel_has_one_lane_and_no_share_of_talk():
    events = told(("one mix",), parties=("mixed",))
    root = read_page(call_page(story(events), {"mixed": OUTLINE}))
    labels = {one.own for one in root.all("text", class_="label")}
    assert "Both, on one channel" in labels
    assert not labels & {"Agent", "Customer"}
    assert "Share of the talking" not in root.text


def test_a_call_of_nothing_and_one_that_broke_off_still_have_a_page():
    root = page(told(()))
    assert "No alert was raised in this call." in root.text
    broken = page(EVENTS[:-5])
    assert "The recording broke off" in broken.text
    assert "The recording broke off" not in page().text


def test_an_alert_still_open_at_the_end_says_so():
    events = [event for event in EVENTS if not isinstance(event, AlertCleared)]
    assert "open at the end" in page(events).text


def test_a_day_of_quarrel_makes_no_bigger_page_than_a_few_megabytes():
    seconds = 24 * 3600
    middle = EVENTS[1:-1]
    tick = only(TensionUpdated, EVENTS)[-1]
    windows, alerts = only(EmotionScored, EVENTS), only(AlertRaised, EVENTS)
    long = [EVENTS[0], *middle]
    for at in range(seconds):
        long.append(msgspec.structs.replace(tick, at_s=float(at), level=(at % 60) / 60))
        if at % 3 == 0:
            long.append(msgspec.structs.replace(windows[0], start_s=float(at), end_s=at + 3.0))
        if at % 60 == 0:
            long.append(msgspec.structs.replace(alerts[0], at_s=float(at), alert_id=f"a{at}"))
    end = msgspec.structs.replace(EVENTS[-1], at_s=float(seconds), duration_s=float(seconds))
    text = call_page(story([*long, end]), {"agent": OUTLINE, "customer": OUTLINE})
    root = read_page(text)
    assert len(text) < 3_000_000
    assert len(root.all("rect")) < 3000
    assert "more alerts are in the call's events" in root.text


@pytest.mark.parametrize("events", [[], EVENTS[1:]], ids=["none", "no start"])
def test_what_is_no_call_has_no_story(events):
    with pytest.raises(BadMessage, match="score the recording again"):
        story(events)


def test_words_that_were_said_are_not_on_the_page():
    assert SAID[0][1] not in page().text
