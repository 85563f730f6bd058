"""A page as a browser shows it: its policy holds, it asks for nothing, it can be read and printed.

The screenshots are for people to look at.
"""

from pathlib import Path

import pytest
import soundfile
from browser import ARTEFACTS, browsing
from live_server import in_loop
from test_cli import engine
from test_softphone_demo import CONTRAST
from voices import EXAMPLE, example_call

pytestmark = [pytest.mark.conformance, pytest.mark.slow]

SVG_CONTRAST = """() => {
  // WCAG 2.2: text 4.5 (1.4.3), lines and areas that mean something 3 (1.4.11); faint emotions have titles
  const canvas = new OffscreenCanvas(1, 1).getContext('2d', { willReadFrequently: true });
  const rgb = (colour) => {
    canvas.fillStyle = colour;
    canvas.fillRect(0, 0, 1, 1);
    return [...canvas.getImageData(0, 0, 1, 1).data.slice(0, 3)];
  };
  const light = (colour) => {
    const linear = (v) => (v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4);
    const [r, g, b] = rgb(colour).map((v) => linear(v / 255));
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const card = light(getComputedStyle(document.querySelector('.card')).backgroundColor);
  const wanted = [['svg text:not(.tag)', 'fill', 4.5], ['.level, .heat', 'stroke', 3],
    ['.cause, .severity, .sound, .speech', 'fill', 3]];
  const poor = [];
  for (const [selector, property, least] of wanted)
    for (const element of document.querySelectorAll(selector)) {
      const [low, high] = [card, light(getComputedStyle(element)[property])].sort((a, b) => a - b);
      const ratio = (high + 0.05) / (low + 0.05);
      if (ratio < least) poor.push([element.getAttribute('class'), element.textContent]);
    }
  return poor;
}"""


def scored(folder: Path, language: str) -> Path:
    """A folder of pages: the bundled call, and the start of it."""
    soundfile.write(folder / "quiet.wav", example_call(0.0, 20.0), 8000, subtype="PCM_16")
    done = engine(
        "score",
        EXAMPLE,
        folder / "quiet.wav",
        "--out",
        folder / "out",
        "--format",
        "html",
        "--language",
        language,
    )
    assert done.returncode == 0, done.stderr
    return folder / "out"


@pytest.mark.parametrize(("language", "scheme"), [("en", "light"), ("zh-CN", "dark")])
@in_loop
async def test_pages_are_readable_ask_for_nothing_and_print(tmp_path, language, scheme):
    ARTEFACTS.mkdir(parents=True, exist_ok=True)
    out = scored(tmp_path, language)
    async with browsing(viewport={"width": 1240, "height": 900}, color_scheme=scheme) as context:
        page = await context.new_page()
        asked: list[str] = []
        complaints: list[str] = []
        page.on("request", lambda request: asked.append(request.url))
        page.on("console", lambda said: complaints.append(said.text))
        for name in ("index", "call"):
            asked.clear()
            await page.goto((out / f"{name}.html").as_uri())
            assert asked == [(out / f"{name}.html").as_uri()]
            # had the policy refused the stylesheet, there would be no card
            assert (
                await page.evaluate("getComputedStyle(document.querySelector('.card')).borderRadius")
                == "14px"
            )
            await page.screenshot(path=ARTEFACTS / f"report-{name}-{scheme}.png", full_page=True)
            assert await page.evaluate(CONTRAST) == []
            assert await page.evaluate(SVG_CONTRAST) == []
            wide = "document.documentElement.scrollWidth <= document.documentElement.clientWidth"
            assert await page.evaluate(wide)
            assert (await page.pdf(format="A4")).startswith(b"%PDF")
        await page.goto((out / "index.html").as_uri())
        await page.click("th a")
        assert page.url == (out / "call.html").as_uri()
        await page.set_viewport_size({"width": 390, "height": 844})
        await page.screenshot(path=ARTEFACTS / f"report-call-small-{scheme}.png", full_page=True)
        assert await page.evaluate("document.documentElement.scrollWidth <= 390")
        assert complaints == []
