"""The report in a real browser: it draws, plays, answers to pointer, finger and keys, and loads nothing."""

import shutil
from dataclasses import replace

import numpy as np
import pytest
import soundfile

from undertone.conversation.report.html import write_html
from undertone.labels import EMOTIONS
from undertone.records import Abstention, Recording, Timeline, Turn, TurnEmotion, Window, Word
from undertone.testing.timelines import make_probabilities

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
DURATION = 60.0


@pytest.fixture(scope="module")
def browser():
    if shutil.which(CHROMIUM) is None:
        pytest.skip(f"{CHROMIUM} is not installed; these tests drive Debian's chromium")
    sync_api = pytest.importorskip("playwright.sync_api", reason="playwright is not installed; see the extra dev")
    with sync_api.sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=CHROMIUM, args=list(QUIET))
        yield chromium
        chromium.close()


def turn(start, end, speaker, label="neutral", *, text=None, track=()):
    probabilities = np.full(len(EMOTIONS), 0.05)
    probabilities[EMOTIONS.index(label)] = 0.70
    place = Turn(start=start, end=end, speaker=speaker, channel=int(speaker == "customer"), text=text)
    return TurnEmotion(turn=place, probabilities=probabilities, label=label, track=track)


def too_short(start, end, speaker):
    place = Turn(start=start, end=end, speaker=speaker, channel=int(speaker == "customer"))
    return TurnEmotion(turn=place, probabilities=None, label=None, abstention=Abstention.TOO_SHORT)


def timeline(path, turns):
    return Timeline(
        recording=Recording(path=path, channels=2, sample_rate=16_000, duration=DURATION),
        turns=tuple(turns),
        labels=EMOTIONS,
        bundle_id="base-1",
        notes=("a note",),
    )


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Pages made once: `call` with sound, `mute` without, `long` with 5000 turns, `empty` with none."""
    made = tmp_path_factory.mktemp("report")
    path = str(made / "call.wav")
    time = np.arange(int(DURATION * 16_000)) / 16_000
    soundfile.write(path, np.stack([0.3 * np.sin(2 * np.pi * 220 * time), 0.1 * np.sin(9 * time)], axis=1), 16_000)
    windows = [Window(start=at, end=at + 2, probabilities=np.full(7, 1 / 7)) for at in range(20, 40, 2)]
    turns = [
        turn(1, 5, "agent", "happy", text="How can I help you?"),
        turn(6, 12, "customer", "angry", text="Nobody has called me back."),
        too_short(13, 13.2, "agent"),
        turn(20, 40, "agent", "sad", track=windows, text="I am so sorry."),
        turn(41, 59, "customer", "surprised"),
    ]
    many = [turn(at * 0.012, at * 0.012 + 0.011, ("agent", "customer")[at % 2], EMOTIONS[at % 7]) for at in range(5000)]
    said = (("so", 0.01), ("<b>happy</b>", 0.4), ("today", -0.1))
    words = tuple(Word(text=text, start=1 + at, end=1.5 + at, share=share) for at, (text, share) in enumerate(said))
    plain = turn(1, 5, "customer", "happy", text="so happy today")
    told = replace(plain, turn=replace(plain.turn, words=words), by_voice=make_probabilities("sad", 0.6))
    agreed = replace(turn(6, 12, "customer", "happy", text="so"), by_voice=make_probabilities("happy", 0.5))
    for name, items, embed_audio in (
        ("call", turns, True),
        ("mute", turns, False),
        ("long", many, True),
        ("empty", [], True),
        ("words", [told, agreed], True),
    ):
        with (made / f"{name}.html").open("wb") as file:
            write_html(timeline(path, items), path, file, embed_audio=embed_audio)
    return made


@pytest.fixture
def visit(browser, folder):
    """Open a page; when the test is over, there were no errors in it and no requests beside its own file."""
    contexts, problems, requests = [], [], []

    def opened(name="call", ready=True, **options):
        context = browser.new_context(**(options or DESK))
        contexts.append(context)
        page = context.new_page()
        page.set_default_timeout(10_000)
        page.on("console", lambda message: problems.append(message.text))
        page.on("pageerror", lambda error: problems.append(str(error)))
        page.on("request", lambda request: requests.append(request.url))
        page.goto((folder / f"{name}.html").as_uri())
        if ready:
            page.wait_for_selector("#play:enabled")
        return page

    yield opened
    for context in contexts:
        context.close()
    assert problems == []
    assert [url for url in requests if not url.startswith(("file://", "blob:", "data:"))] == []


def point_of(page, time, speaker):
    """Where a time is in a speaker's lane, scrolled into view, in pixels of the window."""
    page.locator("#viewport").scroll_into_view_if_needed()
    return page.evaluate(
        """([time, speaker]) => {
            const viewport = document.getElementById("viewport"), box = document.getElementById("stretch");
            const scale = box.getBoundingClientRect().width / 60;
            viewport.scrollLeft = time * scale - viewport.clientWidth / 2;
            const captions = [...document.querySelectorAll(".caption")];
            const own = captions.find((caption) => caption.textContent.startsWith(speaker)).getBoundingClientRect();
            return [box.getBoundingClientRect().left + time * scale, own.top + 22 + 40 + 4 + 12];
        }""",
        [time, speaker],
    )


def now(page):
    minutes, seconds = page.inner_text("#now").split(":")
    return 60 * int(minutes) + float(seconds)


def wait_until(page, condition):
    """Ask from outside: the page's policy forbids the evaluation that playwright's own waiting uses."""
    for _ in range(200):
        if page.evaluate(condition):
            return
        page.wait_for_timeout(50)
    pytest.fail(f"never came true: {condition}")


def test_the_page_shows_what_it_is_about(visit):
    page = visit()
    assert page.inner_text("h1") == "call.wav"
    facts = page.inner_text("#facts").split()
    assert {"1:00.0", "2", "5", "base-1"} <= set(facts)
    assert "a note" in page.inner_text("#notes")
    assert "not of what a person feels" in page.inner_text(".notice")
    legend = page.inner_text("#legend")
    assert all(name in legend for name in (*EMOTIONS, "too short"))
    assert "uncertain" not in legend, "only the reasons that occur are explained"


@pytest.mark.parametrize("options", [DESK, PHONE, {**DESK, "color_scheme": "dark"}], ids=["desk", "phone", "dark"])
def test_lanes_are_drawn_in_the_colours_of_the_palette(visit, options):
    page = visit(**options)
    page.wait_for_timeout(200)
    seen = page.evaluate(
        """() => {
            const canvas = document.getElementById("lanes");
            const pixels = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height).data;
            const style = getComputedStyle(document.documentElement);
            const wanted = [1, 3].map((look) => style.getPropertyValue(`--look-${look}`).trim());
            const found = new Set();
            for (let at = 0; at < pixels.length; at += 4) found.add(`${pixels.slice(at, at + 3)}`);
            const values = (colour) => [1, 3, 5].map((at) => parseInt(colour.slice(at, at + 2), 16));
            return wanted.map((colour) => found.has(`${values(colour)}`));
        }"""
    )
    assert seen == [True, True], "happy and angry blocks are in view at the start"


def test_pointing_at_a_turn_shows_every_probability(visit):
    page = visit()
    page.mouse.move(*point_of(page, 9, "customer"))
    page.wait_for_selector("#detail h3:has-text('angry')")
    detail = page.inner_text("#detail")
    assert "customer, 0:06.0 – 0:12.0, 6.0 s" in detail
    assert "Nobody has called me back." in detail
    assert page.locator("#detail .bars dt").all_inner_texts() == [
        f"{c}\n{n}" for c, n in zip("NHSAFD!", EMOTIONS, strict=True)
    ]
    numbers = page.locator("#detail .bars dd:nth-of-type(even)").all_inner_texts()
    assert numbers == ["5%", "5%", "5%", "70%", "5%", "5%", "5%"]
    page.mouse.move(*point_of(page, 13.1, "agent"))
    page.wait_for_selector("#detail h3:has-text('too short')")
    assert "the turn is too short to be judged" in page.inner_text("#detail")
    assert page.locator("#detail .bars").count() == 0


def test_a_long_turn_shows_its_curve(visit):
    page = visit()
    page.mouse.move(*point_of(page, 30, "agent"))
    page.wait_for_selector("#detail figure canvas")


def test_play_moves_the_playhead_and_marks_the_turn(visit):
    page = visit()
    before = page.evaluate("document.getElementById('playhead').style.transform")
    page.click("#play")
    wait_until(page, "document.getElementById('now').textContent > '0:01.3'")
    assert page.evaluate("document.getElementById('playhead').style.transform") != before
    assert page.get_attribute("#play", "aria-label") == "Pause"
    assert page.locator("tr[aria-current=true]").get_attribute("data-turn") == "0"
    page.click("#play")
    wait_until(page, "document.getElementById('play').ariaLabel === 'Play'")
    stopped = now(page)
    page.wait_for_timeout(300)
    assert now(page) == stopped


def test_a_click_on_a_turn_plays_it_from_its_start(visit):
    page = visit()
    page.mouse.click(*point_of(page, 50, "customer"))
    wait_until(page, "document.getElementById('play').ariaLabel === 'Pause'")
    assert 41 <= now(page) < 43


def test_a_click_on_the_waveform_plays_from_there(visit):
    page = visit()
    x, y = point_of(page, 16, "agent")
    page.mouse.click(x, y - 40)
    wait_until(page, "document.getElementById('play').ariaLabel === 'Pause'")
    assert 15.7 <= now(page) < 18


def test_the_strip_of_the_whole_recording_seeks(visit):
    page = visit()
    box = page.locator("#overview").bounding_box()
    page.mouse.click(box["x"] + box["width"] / 2, box["y"] + 10)
    assert now(page) == pytest.approx(30, abs=0.2)
    assert page.get_attribute("#overview", "aria-valuetext").startswith("0:30.")


def test_a_row_of_the_list_plays_its_turn(visit):
    page = visit()
    page.click("tr[data-turn='4'] .c-emotion")
    wait_until(page, "document.getElementById('play').ariaLabel === 'Pause'")
    assert 41 <= now(page) < 43


def test_the_list_can_be_narrowed_to_a_speaker_and_an_emotion(visit):
    page = visit()
    shown = page.locator("tr[data-turn]:visible")
    assert shown.count() == 5
    page.select_option("#by-speaker", label="agent")
    assert shown.count() == 3
    assert page.inner_text("#count") == "3 of 5 turns"
    page.select_option("#by-outcome", label="sad")
    assert shown.count() == 1
    assert "I am so sorry." in shown.inner_text()


def test_keys_play_seek_and_go_from_turn_to_turn(visit):
    page = visit()
    page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowRight")
    assert now(page) == 10
    page.keyboard.press("ArrowLeft")
    assert now(page) == 5
    page.keyboard.press("Space")
    wait_until(page, "document.getElementById('play').ariaLabel === 'Pause'")
    page.keyboard.press("Space")
    wait_until(page, "document.getElementById('play').ariaLabel === 'Play'")
    page.focus("#overview")
    page.keyboard.press("ArrowDown")
    label = page.evaluate("document.activeElement.getAttribute('aria-label')")
    assert label == "Turn 2 of 5, customer, 0:06.0 to 0:12.0: angry 70%. Nobody has called me back."
    assert now(page) == 6
    page.keyboard.press("ArrowDown")
    page.keyboard.press("ArrowDown")
    assert now(page) == 20
    page.keyboard.press("ArrowUp")
    assert now(page) == 13
    assert "too short" in page.inner_text("#detail h3")
    page.keyboard.press("Enter")
    wait_until(page, "document.getElementById('play').ariaLabel === 'Pause'")
    page.keyboard.press("Space")
    wait_until(page, "document.getElementById('play').ariaLabel === 'Play'")


def test_the_list_is_one_stop_for_tab_and_arrows_walk_its_visible_rows(visit):
    page = visit()
    page.select_option("#by-speaker", label="customer")
    page.focus("#by-outcome")
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.closest('tr').dataset.turn") == "1"
    page.keyboard.press("ArrowDown")
    assert page.evaluate("document.activeElement.closest('tr').dataset.turn") == "4"
    assert now(page) == 41


def test_zoom_keeps_its_place_and_whole_shows_all(visit):
    page = visit()

    def width():
        return page.evaluate("document.getElementById('stretch').getBoundingClientRect().width")

    first = width()
    page.click("#zoom-in")
    assert width() == pytest.approx(1.6 * first, rel=0.01)
    x, y = point_of(page, 30, "agent")
    page.mouse.move(x, y)
    page.keyboard.down("Control")
    page.mouse.wheel(0, -200)
    page.keyboard.up("Control")
    wait_until(page, f"document.getElementById('stretch').getBoundingClientRect().width > {1.7 * first}")
    left = page.evaluate("document.getElementById('stretch').getBoundingClientRect().left")
    assert left + 30 / 60 * width() == pytest.approx(x, abs=3), "the time under the pointer stays there"
    page.click("#zoom-fit")
    assert width() == pytest.approx(page.evaluate("document.getElementById('viewport').clientWidth"), abs=1)


def test_the_view_follows_until_the_reader_scrolls_away(visit):
    page = visit()
    for _ in range(4):
        page.click("#zoom-in")
    page.click("#play")
    page.evaluate("document.getElementById('viewport').scrollLeft = 1e6")
    page.wait_for_selector("#follow[aria-pressed=false]")
    page.click("#follow")
    wait_until(page, "document.getElementById('viewport').scrollLeft < 1000")
    assert page.get_attribute("#follow", "aria-pressed") == "true"


@pytest.mark.parametrize("name", ["call", "mute", "empty"])
def test_a_phone_needs_no_sideways_scrolling_of_the_page(visit, name):
    page = visit(name, ready=name != "mute", **PHONE)
    assert page.evaluate("document.documentElement.scrollWidth") == 390


def test_a_tap_shows_and_plays_a_turn(visit):
    page = visit(**PHONE)
    page.touchscreen.tap(*point_of(page, 9, "customer"))
    page.wait_for_selector("#detail h3:has-text('angry')")
    wait_until(page, "document.getElementById('play').ariaLabel === 'Pause'")


def test_without_the_sound_the_reader_can_choose_the_recording(visit, folder):
    page = visit("mute", ready=False)
    assert page.is_visible("#choose")
    assert page.is_disabled("#play")
    page.set_input_files("#file", folder / "call.wav")
    page.wait_for_selector("#play:enabled")
    page.click("#play")
    wait_until(page, "document.getElementById('now').textContent > '0:00.3'")


def test_a_timeline_without_turns_says_so_and_still_plays(visit):
    page = visit("empty")
    assert "This timeline has no turns" in page.inner_text("#detail")
    page.click("#play")
    wait_until(page, "document.getElementById('now').textContent > '0:00.2'")


def test_thousands_of_turns_open_at_once_and_all_reach_the_list(visit):
    page = visit("long", ready=False)
    page.wait_for_selector(".speaker", timeout=3000)
    wait_until(page, "document.querySelectorAll('tr[data-turn]').length === 5000")
    assert page.locator("#stretch *").count() < 50, "lanes are drawn, not built of elements"
    page.wait_for_selector("#play:enabled")
    page.click("#zoom-fit")
    page.focus("#overview")
    page.keyboard.press("ArrowRight")
    assert page.locator("tr[aria-current=true]").count() == 1


def test_paper_is_light_and_shows_everything(visit):
    page = visit(**DESK, color_scheme="dark")
    page.evaluate("dispatchEvent(new Event('beforeprint'))")
    page.emulate_media(media="print", color_scheme="dark")
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
    assert page.is_hidden("#transport")
    assert page.is_visible(".notice details li >> nth=0")
    page.emulate_media(media="screen", color_scheme="dark")
    page.evaluate("dispatchEvent(new Event('afterprint'))")
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(17, 18, 21)"


def test_words_are_shaded_by_what_they_count_for(visit):
    page = visit("words")
    page.mouse.move(*point_of(page, 3, "customer"))
    shown = page.locator("#detail blockquote span")
    assert shown.all_inner_texts() == ["so", "<b>happy</b>", "today"]
    assert [each.get_attribute("class") for each in shown.all()] == ["for", "for", "against"]
    assert shown.nth(1).get_attribute("title") == "+40%"
    assert "without each word" in page.locator("#detail .hint").inner_text()


def test_where_voice_and_words_disagree_is_told(visit):
    page = visit("words")
    page.mouse.move(*point_of(page, 3, "customer"))
    assert page.locator("#detail .why").inner_text() == "Voice and words disagree: by voice alone sad 60%."
    assert "≠" in page.locator("#legend").inner_text()
    page.mouse.move(*point_of(page, 8, "customer"))
    assert page.locator("#detail .why").count() == 0
    assert "By voice alone: happy 50%." in page.locator("#detail .hint").all_inner_texts()
    assert "≠" not in visit("call").locator("#legend").inner_text()
