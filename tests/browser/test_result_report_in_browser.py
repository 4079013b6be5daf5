"""The page of results in a real browser: it fits its window, can be read on light and dark, and loads nothing."""

import shutil
from dataclasses import replace

import pytest

from undertone.experiments.report.html import html_report
from undertone.labels import EMOTIONS
from undertone.testing.results import make_result

pytestmark = pytest.mark.browser

CHROMIUM = "/usr/bin/chromium"
QUIET = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
DESK = {"viewport": {"width": 1280, "height": 900}}
PHONE = {"viewport": {"width": 390, "height": 844}, "is_mobile": True, "has_touch": True, "device_scale_factor": 2}


@pytest.fixture(scope="module")
def browser():
    if shutil.which(CHROMIUM) is None:
        pytest.skip(f"{CHROMIUM} is not installed; these tests drive Debian's chromium")
    sync_api = pytest.importorskip("playwright.sync_api", reason="playwright is not installed; see the extra dev")
    with sync_api.sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=CHROMIUM, args=list(QUIET))
        yield chromium
        chromium.close()


@pytest.fixture(scope="module")
def path(tmp_path_factory):
    common = {"labels": EMOTIONS, "speakers": 10, "per_speaker": 42}
    results = [
        make_result(name="majority", accuracy=0.2, **common),
        make_result(name="a-learner-with-a-rather-long-name", accuracy=0.7, seeds=(0, 1), with_history=True, **common),
        make_result(name="heard", accuracy=0.8, shared_speakers=3, **common),
        replace(make_result(name="untrained", accuracy=0.2, **common), weights="random"),
    ]
    made = tmp_path_factory.mktemp("report") / "results.html"
    made.write_text(html_report(results), encoding="utf-8")
    return made


@pytest.fixture
def visit(browser, path):
    """Open the page; when the test is over, it has complained of nothing and asked for nothing but itself."""
    contexts, problems, requests = [], [], []

    def opened(**options):
        context = browser.new_context(**(options or DESK))
        contexts.append(context)
        page = context.new_page()
        page.set_default_timeout(10_000)
        page.on("console", lambda message: problems.append(message.text))
        page.on("pageerror", lambda error: problems.append(str(error)))
        page.on("request", lambda request: requests.append(request.url))
        page.goto(path.as_uri())
        return page

    yield opened
    for context in contexts:
        context.close()
    assert problems == []
    assert requests == [path.as_uri()] * len(contexts)


@pytest.mark.parametrize("options", [DESK, PHONE], ids=["desk", "phone"])
def test_only_tables_scroll_sideways(visit, options):
    page = visit(**options)
    assert page.evaluate("document.documentElement.scrollWidth") == options["viewport"]["width"]
    widest = page.evaluate("Math.max(...[...document.querySelectorAll('.scroll')].map(box => box.scrollWidth))")
    assert widest > options["viewport"]["width"]


def test_letters_of_figures_can_be_read_on_a_phone(visit):
    page = visit(**PHONE)
    heights = page.evaluate(
        """[...document.querySelectorAll('svg text')].filter(text => text.style.fontSize === '8px')
            .map(text => 8 * text.getScreenCTM().a)"""
    )
    assert heights
    assert max(heights) >= 9.5


def test_figures_keep_their_letters_inside(visit):
    page = visit()
    outside = page.evaluate(
        """[...document.querySelectorAll('svg text')].filter(text => {
            const letters = text.getBoundingClientRect(), card = text.ownerSVGElement.getBoundingClientRect();
            return letters.left < card.left - 1 || letters.right > card.right + 1 || letters.top < card.top - 1
                || letters.bottom > card.bottom + 1;
        }).map(text => text.textContent)"""
    )
    assert outside == []


def test_the_style_that_the_page_brings_is_used(visit):
    page = visit()
    assert page.evaluate("getComputedStyle(document.querySelector('.card')).backgroundColor") == "rgb(255, 255, 255)"
    assert page.evaluate("getComputedStyle(document.querySelector('.confusion .deep')).backgroundColor") != (
        "rgba(0, 0, 0, 0)"
    )


def test_the_dark_page_keeps_figures_on_white(visit):
    page = visit(**DESK, color_scheme="dark")
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(17, 18, 21)"
    assert page.evaluate("getComputedStyle(document.querySelector('svg')).backgroundColor") == "rgb(255, 255, 255)"


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_letters_stand_out_from_every_cell_of_the_confusion(visit, scheme):
    page = visit(**DESK, color_scheme=scheme)
    least = page.evaluate(
        """() => {
            const canvas = document.createElement('canvas').getContext('2d', {willReadFrequently: true});
            const shade = colour => {
                canvas.fillStyle = colour;
                canvas.fillRect(0, 0, 1, 1);
                const linear = [...canvas.getImageData(0, 0, 1, 1).data].slice(0, 3).map(value => value / 255)
                    .map(value => value <= 0.04045 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4);
                return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2];
            };
            return Math.min(...[...document.querySelectorAll('.confusion tbody td.cell')].map(cell => {
                const style = getComputedStyle(cell);
                const [less, more] = [shade(style.color), shade(style.backgroundColor)].sort((a, b) => a - b);
                return (more + 0.05) / (less + 0.05);
            }));
        }"""
    )
    assert least >= 4.5


def test_the_keyboard_reaches_the_numbers(visit):
    page = visit()
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.textContent") == "Skip to the numbers"
    page.keyboard.press("Enter")
    assert page.evaluate("document.activeElement.id") == "main"
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.ariaLabel") == "Scores"
    page.keyboard.press("ArrowRight")
    page.wait_for_function("document.activeElement.scrollLeft > 0")


def test_paper_is_light_and_has_every_table(visit):
    page = visit(**DESK, color_scheme="dark")
    page.emulate_media(media="print", color_scheme="dark")
    assert page.evaluate("getComputedStyle(document.querySelector('.card')).backgroundColor") == "rgb(255, 255, 255)"
    assert page.is_hidden("nav")
    assert page.is_visible(".origin >> nth=0")
