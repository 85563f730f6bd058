"""The agent's page in a browser: own phrases large, an answer that supervisors read, nothing that alarms."""

import json
import re
from contextlib import asynccontextmanager
from importlib.resources import files

import httpx
import msgspec
import pytest
from browser import browsing, until
from consoles import console, kept_server, quarrelling, screen, shot, sign_in
from doors import bearer, entering, locked
from live_server import come_true, in_loop, rest, serving
from test_console import AXE, NASTY, VISIBLE
from test_live_agent import call_of, heard, offering
from test_softphone_demo import CONTRAST, NAMELESS

from sentiment_engine.events import AlertUpdated, Suggestion
from sentiment_engine.live.app import LiveServer
from sentiment_engine.live.call import bare_end

pytestmark = [pytest.mark.conformance, pytest.mark.slow]

LIVE = "document.querySelector('#feed-state')?.dataset.state === 'live'"
OWN_VISIBLE = VISIBLE.replace(".summary,", ".summary, .why, .do p, .past p,")
MINE, THEIRS = frozenset({"ingest"}), frozenset({"ingest-2"})


@asynccontextmanager
async def agent_page(server: LiveServer, name: str | None = "ingest", **options):
    """The page, signed in."""
    fields = {"viewport": {"width": 1180, "height": 860}, "locale": "en-GB", **options}
    async with browsing(**fields) as context:
        page, complaints = await screen(context, server, "agent")
        if name is not None:
            await sign_in(page, name)
        await until(page, LIVE)
        yield page, complaints


def unasked(complaints: list[str]) -> list[str]:
    """What a page complained of, but for the request that found out that it has to sign in."""
    return [text for text in complaints if "401" not in text]


@in_loop
async def test_two_agents_see_their_own_phrases_and_a_supervisor_reads_the_answer(tmp_path):
    async with (
        kept_server(tmp_path, locked()) as server,
        entering(server, "/v1/feed?types=alert.answered", "supervisor") as feed,
        agent_page(server) as (anna, hers),
        agent_page(server, "ingest-2") as (ben, his),
    ):
        assert await anna.inner_text(".quiet-title") == "No call at the moment"
        await shot(anna, "agent-idle")
        await call_of(server, "ingest", "anna-1")
        await call_of(server, "ingest-2", "ben-1")
        for page in (anna, ben):
            await page.wait_for_selector(".quiet.listening")
        await shot(anna, "agent-listening")
        server.hub.publish(offering("anna-1", text="I hear you, Ms Li."), owners=MINE)
        server.hub.publish(offering("ben-1", text="Let us look at it together."), owners=THEIRS)
        await anna.wait_for_selector(".say blockquote")
        await ben.wait_for_selector(".say blockquote")
        assert await anna.inner_text(".say blockquote") == "I hear you, Ms Li."
        assert await anna.inner_text(".do p") == "Breathe out."
        assert await anna.inner_text(".why") == "The customer sounds angry."
        assert "You can say: I hear you, Ms Li." in await anna.text_content("[role=status].hidden")
        for page, other in ((anna, "ben"), (ben, "anna")):
            text = await page.inner_text("body")
            assert other not in text
            assert "Listen in." not in text  # which is the supervisor's
            assert not re.search(r"\b(warning|critical|tension \d)", text.lower())
        await anna.focus("[data-answer=helped]")
        await anna.keyboard.press("Enter")
        await anna.wait_for_selector("[data-answer=helped][aria-pressed=true]")
        [told] = await heard(feed, 1)
        assert (told["data"]["by"], told["data"]["answer"]) == ("ingest", "helped")
        await anna.fill("textarea", "  Said it twice.  ")
        await anna.click(".note-box button")
        [told] = await heard(feed, 1)
        assert told["data"]["note"] == "Said it twice."
        await until(anna, "document.querySelector('.answer [role=status]').textContent.startsWith('Kept at')")
        await shot(anna, "agent-answered")
        assert await ben.locator("[aria-pressed=true]").count() == 0
        assert unasked(hers) == unasked(his) == []


@in_loop
async def test_a_call_from_its_first_phrase_to_its_end_and_the_next(tmp_path):
    async with kept_server(tmp_path, locked()) as server, agent_page(server) as (page, complaints):
        socket = await call_of(server, "ingest", "c-1")
        server.hub.publish(offering(), owners=MINE)
        await page.wait_for_selector(".say blockquote")
        await page.click("[data-answer=does_not_fit]")
        await page.wait_for_selector("[data-answer=does_not_fit][aria-pressed=true]")
        server.hub.publish(offering(number=2, text="Second."), owners=MINE)
        await page.wait_for_selector(".past")
        assert await page.inner_text(".say blockquote") == "Second."
        assert "Your answer: It does not fit" in await page.inner_text(".past")
        assert await page.locator(".now [aria-pressed=true]").count() == 0  # that was about the other one
        await page.reload()  # the server tells it all again
        await page.wait_for_selector(".past")
        assert "It does not fit" in await page.inner_text(".past")
        for feed in list(server.feeds):
            feed.abort()
        server.hub.publish(offering(number=3, text="Meanwhile."), owners=MINE)
        await page.wait_for_selector(".say blockquote >> text=Meanwhile.")
        assert await page.locator(".past").count() == 2
        await shot(page, "agent-earlier", full_page=True)
        await socket.send('{"type":"stop"}')
        await rest(socket)
        await page.wait_for_selector(".badge >> text=This call has ended")
        await page.click("[data-answer=did_not_help]")  # there is time for it now
        await page.wait_for_selector("[data-answer=did_not_help][aria-pressed=true]")
        await call_of(server, "ingest", "c-2")
        await page.wait_for_selector(".quiet.listening")
        assert await page.locator(".past").count() == 0
        assert "c-2" in await page.inner_text(".where")
        assert unasked(complaints) == []


@in_loop
async def test_who_writes_a_note_goes_on_writing_when_a_phrase_comes_and_answers_earlier_ones_too(tmp_path):
    async with kept_server(tmp_path, locked()) as server, agent_page(server) as (page, complaints):
        await call_of(server, "ingest", "c-1")
        server.hub.publish(offering(), owners=MINE)
        await page.click("[data-answer=helped]")
        await page.wait_for_selector("textarea:visible")
        await page.focus("textarea")
        await page.keyboard.type("It took ")
        server.hub.publish(offering(number=2, text="Second."), owners=MINE)
        await page.wait_for_selector(".past details[open] textarea")
        await page.keyboard.type("two ")
        server.hub.publish(offering(number=3, text="Third."), owners=MINE)
        await page.wait_for_selector(".past + .past")
        await page.keyboard.type("tries.")
        await page.keyboard.press("Tab")
        await page.keyboard.press("Enter")
        await page.wait_for_selector(".past:nth-child(2) summary >> text=Your answer: It helped")
        await page.click(".past:nth-child(1) summary")
        await page.click(".past:nth-child(1) [data-answer=does_not_fit]")
        await page.wait_for_selector(".past:nth-child(1) summary >> text=It does not fit")
        assert await page.inner_text(".say blockquote") == "Third."
        update = msgspec.structs.replace(offering(number=3, text="Fourth."), seq=9)
        other = msgspec.structs.replace(update.suggestions[0], id="p-4")
        await page.focus(".now [data-answer=helped]")
        server.hub.publish(
            AlertUpdated(**{**msgspec.structs.asdict(update), "suggestions": (other,)}), owners=MINE
        )
        await page.wait_for_selector(".say blockquote >> text=Fourth.")
        assert await page.evaluate("document.activeElement.dataset.answer") == "helped"
        assert await page.locator(".past:nth-child(1) details:visible").count() == 0  # its answer is above
        await shot(page, "agent-earlier-answered", full_page=True)
        answers = {one["alert_id"]: (one["answered"] or {}).get("note") for one in await alerts_of(server)}
        assert answers == {"c-1.a1": "It took two tries.", "c-1.a2": "", "c-1.a3": None}
        assert unasked(complaints) == []


async def alerts_of(server: LiveServer) -> list[dict]:
    async with httpx.AsyncClient(base_url=server.url.replace("ws", "http")) as http:
        return (await http.get("/v1/alerts", headers=bearer("supervisor"))).json()["alerts"]


@in_loop
async def test_a_real_quarrel_brings_a_phrase_of_the_playbook_and_ends_calmly(tmp_path):
    async with (
        kept_server(tmp_path) as server,
        agent_page(server, None, locale="zh-CN") as (page, complaints),
    ):
        assert "没有令牌" in await page.inner_text(".told")
        async with quarrelling(server, "通话-1", language="zh-CN"):
            await page.wait_for_selector(".now .say blockquote, .now .do p")
            assert "通话-1" in await page.inner_text(".when")
            await shot(page, "agent-zh")
            await page.click("[data-answer=helped]")
            await page.wait_for_selector("[data-answer=helped][aria-pressed=true]")
        assert complaints == []


@in_loop
async def test_both_languages_both_looks_and_a_small_screen_can_be_read_and_named(tmp_path):
    async with kept_server(tmp_path, locked()) as server, agent_page(server) as (page, complaints):
        words = await page.evaluate("import('/web/agent/words.js').then(({ AGENT_WORDS }) => AGENT_WORDS)")
        english = set(words["en"].values())
        assert words["en"].keys() == words["zh-CN"].keys()
        await call_of(server, "ingest", "c-1")
        server.hub.publish(offering(), owners=MINE)
        server.hub.publish(offering(number=2, text="好的，我明白。" * 6), owners=MINE)
        await page.wait_for_selector(".past")
        await page.click("[data-answer=helped]")
        await page.wait_for_selector("[data-answer=helped][aria-pressed=true]")
        for language in ("zh-CN", "en"):
            await page.select_option("#language", language)
            await page.wait_for_selector(".past")
            assert await page.evaluate("document.documentElement.lang") == language
            said = await page.evaluate(OWN_VISIBLE)
            if language == "zh-CN":
                assert not english & set(said), english & set(said)
            assert not [text for text in said if "undefined" in text or "{" in text]
            for theme in ("light", "dark"):
                await page.select_option("#theme", theme)
                await page.wait_for_timeout(120)
                assert await page.evaluate(CONTRAST) == [], (language, theme)
                assert await page.evaluate(NAMELESS) == []
                await shot(page, f"agent-{language}-{theme}")
        for width in (390, 320):
            await page.set_viewport_size({"width": width, "height": 780})
            await page.wait_for_timeout(120)
            assert await page.evaluate("document.documentElement.scrollWidth") <= width
        await shot(page, "agent-small", full_page=True)
        assert unasked(complaints) == []


@in_loop
async def test_what_a_caller_wrote_is_text_and_never_markup(tmp_path):
    async with kept_server(tmp_path) as server, agent_page(server, None) as (page, complaints):
        event = offering(NASTY, text=NASTY)
        hostile = Suggestion(
            id="x", text=NASTY, language=NASTY, audience="agent", technique=NASTY, mode="do", rule=NASTY
        )
        event = msgspec.structs.replace(event, summary=NASTY, suggestions=(*event.suggestions, hostile))
        server.hub.publish(event)
        await page.wait_for_selector(".say blockquote")
        server.hub.publish(msgspec.structs.replace(event, alert_id="x/../%2F?#", seq=2))
        await page.wait_for_selector(".past")
        assert NASTY in await page.inner_text(".why")
        await page.click("details summary")
        await page.click("[data-answer=helped]")
        await page.wait_for_selector("[data-answer=helped][aria-pressed=true]")
        await page.fill("textarea", NASTY)
        await page.click(".note-box button")
        async with console(server, "#/alerts") as (other, more):
            await other.wait_for_selector(".answered >> text=It helped")
            assert NASTY in await other.inner_text(".alert:has(.answered)")
            await shot(other, "agent-answer-on-the-console")
            assert await other.evaluate("window.hit") is None
            assert more == []
        assert await page.evaluate("window.hit") is None
        assert await page.locator("main img, main script").count() == 0
        assert complaints == []


PICTURE = """(events) => import('/web/agent/picture.js').then(({ Picture }) => {
  const picture = new Picture();
  const seen = [];
  for (const event of events) {
    const fresh = picture.take(event);
    const say = (offer) => offer && [offer.call, offer.phrases.map(({ id }) => id).join(), offer.over];
    seen.push({
      fresh: say(fresh), now: say(picture.now), earlier: picture.earlier.map(say),
      call: picture.call?.id ?? null,
      last: picture.offers.filter((offer) => picture.isLast(offer)).length,
      answers: [...picture.answers].map(([id, { answer }]) => id + ' ' + answer),
    });
  }
  return seen;
})"""


def said(what: str, call: str = "c", alert: str = "c.a1", phrases: str = "") -> dict:
    return {
        "type": what,
        "call_id": call,
        "alert_id": alert,
        "at_s": 1.0,
        "summary": "why",
        "language": "en",
        "answer": "helped",
        "answered_at": "t",
        "suggestions": [{"id": name, "mode": "say", "text": name} for name in phrases.split()],
    }


@in_loop
async def test_what_is_shown_follows_from_the_events_alone():
    async with serving() as server, agent_page(server, None) as (page, _):
        raised, updated = said("alert.raised", phrases="p"), said("alert.updated", phrases="p")
        seen = await page.evaluate(
            PICTURE,
            [
                said("call.started"),
                raised,
                updated,  # it became worse, and says the same
                said("alert.answered"),
                said("alert.updated", phrases="q"),
                said("alert.cleared"),
                said("call.started", call="d"),  # beside the first, which still runs
                said("alert.raised", call="d", alert="d.a1"),  # with words for the supervisor only
                said("call.ended"),
                said("call.started", call="e"),  # and what has ended makes room
                {**said("something.new"), "call_id": "e"},
                said("alert.cleared", call="d", alert="d.a1", phrases="calm"),
                said("alert.raised", call="d", alert="d.a1", phrases="again"),  # the id comes again
            ],
        )
        assert [one["fresh"] for one in seen] == [
            None,
            ["c", "p", False],
            None,
            None,
            ["c", "q", False],
            None,
            None,
            ["d", "", False],
            None,
            None,
            None,
            ["d", "calm", True],
            ["d", "again", False],
        ]
        assert seen[5]["earlier"] == [["c", "p", True]]
        assert seen[5]["now"] == ["c", "q", True]
        assert [one["last"] for one in seen] == [0, 1, 1, 1, 1, 1, 1, 2, 2, 1, 1, 1, 1]
        assert seen[7]["answers"] == ["c.a1 helped"]
        assert seen[8]["call"] == "d"
        assert seen[9]["earlier"] == []
        assert [one["call"] for one in seen[9:]] == ["e"] * 4
        assert seen[11]["earlier"] == [["d", "", True]]
        assert seen[12]["earlier"] == []


@in_loop
async def test_who_is_no_agent_is_told_so_and_the_token_stays_in_the_tab(tmp_path):
    async with kept_server(tmp_path, locked()) as server, browsing(locale="en-GB") as context:
        page, _ = await screen(context, server, "agent")
        addresses: list[str] = []
        page.on("request", lambda request: addresses.append(request.url))
        page.on("websocket", lambda socket: addresses.append(socket.url))
        assert "role ingest" in await page.inner_text("form")
        await sign_in(page, "supervisor")
        await page.wait_for_selector(".problem >> text=not an agent's")
        await shot(page, "agent-sign-in")
        await sign_in(page, "ingest")
        await until(page, LIVE)
        assert await page.inner_text("#me") == "Signed in as ingest"
        assert any(address.endswith("/v1/agent/feed") for address in addresses)
        assert "setk_" not in json.dumps(addresses)
        await page.click("#sign-out")
        await page.wait_for_selector("#token")
        assert await page.evaluate("JSON.stringify({ ...sessionStorage })") == "{}"
        await come_true(lambda: server.hub.readers == 0)


@in_loop
async def test_where_nothing_is_kept_the_page_says_that_answers_are_not():
    async with serving() as server, agent_page(server, None) as (page, complaints):
        server.hub.publish(offering())
        await page.wait_for_selector(".now >> text=answers cannot be kept")
        assert await page.locator("[data-answer]").count() == 0
        server.hub.publish(bare_end("c-1", 9, 9.0, "stop", 9.0))
        await page.wait_for_selector(".badge >> text=ended")
        assert complaints == []


@in_loop
async def test_an_answer_that_cannot_be_kept_is_said_and_can_be_tried_again(tmp_path):
    async with kept_server(tmp_path) as server, agent_page(server, None) as (page, _):
        server.hub.publish(offering())
        await page.wait_for_selector("[data-answer=helped]")
        await page.route("**/answer", lambda route: route.abort())
        await page.click("[data-answer=helped]")
        await page.wait_for_selector("[role=alert] .problem >> text=does not answer")
        assert await page.evaluate("document.activeElement.dataset.answer") == "helped"
        await page.unroute("**/answer")
        await page.click("[data-answer=helped]")
        await page.wait_for_selector("[data-answer=helped][aria-pressed=true]")
        assert await page.locator(".problem").count() == 0


@in_loop
async def test_axe_finds_nothing(tmp_path):
    if not AXE.exists():
        pytest.skip("axe-core is not installed: scripts/conformance_tools")
    async with (
        kept_server(tmp_path, locked()) as server,
        agent_page(server, bypass_csp=True) as (page, _),
    ):
        await page.add_script_tag(path=str(AXE))
        for language in ("en", "zh-CN"):
            await page.select_option("#language", language)
            for theme in ("light", "dark"):
                await page.select_option("#theme", theme)
                assert await axe(page) == []
        await call_of(server, "ingest", "c-1")
        server.hub.publish(offering(), owners=MINE)
        server.hub.publish(offering(number=2), owners=MINE)
        await page.wait_for_selector(".past")
        await page.click("[data-answer=helped]")
        await page.wait_for_selector("[data-answer=helped][aria-pressed=true]")
        for language in ("en", "zh-CN"):
            await page.select_option("#language", language)
            for theme in ("light", "dark"):
                await page.select_option("#theme", theme)
                assert await axe(page) == []
        await page.click("#sign-out")
        await page.wait_for_selector("#token")
        assert await axe(page) == []


async def axe(page) -> list[tuple[str, str]]:
    found = await page.evaluate("axe.run().then(({ violations }) => violations)")
    return [(one["id"], one["nodes"][0]["html"][:160]) for one in found]


def test_no_text_is_hard_coded_and_none_is_missing():
    web = files("sentiment_engine") / "web"
    shown = re.compile(
        r'(?:textContent = |"?(?:aria-label|title|placeholder)"?: |h\("\w+", \{[^{}]*\}, )'
        r'"([^"]*[A-Za-z]{3}[^"]*)"'
    )
    code = {
        file.name: file.read_text("utf-8") for file in (web / "agent").iterdir() if file.name[-3:] == ".js"
    }
    for name, text in code.items():
        assert name == "words.js" or shown.findall(text) == [], name
        assert not re.search(r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|eval\(", text), name
    body = (web / "agent.html").read_text("utf-8").partition("<body")[2]
    assert re.sub(r"<[^>]+>|\s", "", "<body" + body) == ""
