"""A real browser that looks at a demo's pages: in two widths and two themes, noting what no page may do."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal
from urllib.parse import urlsplit

from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Request, Response, sync_playwright
from playwright.sync_api import Page as Tab

from marketplace.demo.pages import House, Page

CHROMIUM = ("/usr/bin/chromium", "/usr/bin/chromium-browser", "/usr/bin/google-chrome")
ARGUMENTS = ("--no-sandbox", "--disable-dev-shm-usage", "--disable-background-networking", "--disable-sync")
Theme = Literal["light", "dark"]
WIDTHS = (1280, 390)
THEMES: tuple[Theme, ...] = ("light", "dark")
VARIANTS: tuple[tuple[int, Theme], ...] = ((1280, "light"), (1280, "dark"), (390, "dark"), (390, "light"))
HEIGHT = 900
# A mail's own HTML is shown with the styles it carries, in a frame that may do nothing else.
MAIL = "/html/"


def chromium() -> str | None:
    """Where the distribution's browser is."""
    return next((path for path in CHROMIUM if Path(path).exists()), None)


@contextmanager
def browser_at(path: str) -> Iterator[Browser]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=list(ARGUMENTS))
        yield browser
        browser.close()


@dataclass
class Eyes:
    """One browser; everybody in the house has cookies of their own in it."""

    browser: Browser
    house: House
    problems: list[str] = field(default_factory=list)
    _contexts: dict[str, BrowserContext] = field(default_factory=dict)

    def look_at(self, page: Page, then: Callable[[Tab, int, Theme], None]) -> None:
        """Open a page once and show it in every variant; what is wrong with it is added to `problems`."""
        tab = self._context(page.who).new_page()
        watch = Watch(self.house.demo.url, expects_error=page.status >= 400)
        watch.over(tab)
        answer = tab.goto(f"{self.house.demo.url}{page.path}")
        self._note(page, _wrong_answer(page, answer))
        for width, theme in VARIANTS:
            tab.set_viewport_size({"width": width, "height": HEIGHT})
            tab.emulate_media(color_scheme=theme, reduced_motion="reduce")
            if tab.evaluate("document.documentElement.scrollWidth > innerWidth"):
                self._note(page, [f"scrolls sideways at {width} px: {tab.evaluate(WIDE)}"])
            then(tab, width, theme)
        self._note(page, watch.seen)
        tab.close()

    def _context(self, who: str) -> BrowserContext:
        if who not in self._contexts:
            self._contexts[who] = self.browser.new_context()
            self._contexts[who].add_cookies(
                [
                    {"name": name, "value": value, "domain": "127.0.0.1", "path": path}
                    for name, value, path in self.house.cookies(who)
                ]
            )
        return self._contexts[who]

    def _note(self, page: Page, wrong: list[str]) -> None:
        self.problems += [f"{page.name} ({page.path}): {each}" for each in wrong]


@dataclass
class Watch:
    """What a tab must not do: complain on the console, fail in a script, ask another host."""

    url: str
    expects_error: bool = False
    seen: list[str] = field(default_factory=list)

    def over(self, tab: Tab) -> None:
        tab.on("console", self._console)
        tab.on("pageerror", lambda error: self.seen.append(f"script failed: {error}"))
        tab.on("request", self._request)

    def _console(self, message: ConsoleMessage) -> None:
        is_own_status = self.expects_error and "Failed to load resource" in message.text
        if message.type in {"error", "warning"} and not is_own_status:
            self.seen.append(f"console: {message.text}")

    def _request(self, request: Request) -> None:
        address = urlsplit(request.url)
        if address.scheme in {"http", "https"} and address.netloc != urlsplit(self.url).netloc:
            self.seen.append(f"asks another host: {request.url}")


def _wrong_answer(page: Page, answer: Response | None) -> list[str]:
    if answer is None:
        return ["no answer"]
    found = [f"answered {answer.status}, not {page.status}"] if answer.status != page.status else []
    policy = answer.headers.get("content-security-policy", "")
    if not policy or "unsafe-eval" in policy or ("unsafe-inline" in policy and not page.path.endswith(MAIL)):
        found.append(f"its content security policy is {policy!r}")
    return found


def photograph(tab: Tab, file: Path) -> None:
    """The whole page, as on a screen so high that nothing scrolls: what sticks to its foot is at the foot."""
    size = tab.viewport_size
    assert size is not None  # noqa: S101  set for every variant
    height = tab.evaluate("Math.max(document.documentElement.scrollHeight, innerHeight)")
    tab.set_viewport_size({"width": size["width"], "height": int(height)})
    tab.screenshot(path=file)


# The widest thing that sticks out, to find it.
WIDE = """() => {
  const all = [...document.querySelectorAll('body *')].filter(e => e.getBoundingClientRect().right > innerWidth + 1);
  const found = all.sort((a, b) => b.getBoundingClientRect().right - a.getBoundingClientRect().right)[0];
  return found ? found.outerHTML.slice(0, 160) : '';
}"""
