"""Make the README's picture: the HTML report of the example conversation, as Debian's chromium shows it.

make demo && .venv-dev/bin/python docs/make_picture.py out/conversation.html docs/images/report.png
"""

from __future__ import annotations

import sys
from pathlib import Path

from playwright.sync_api import sync_playwright

ARGUMENTS = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
             "--disable-component-update", "--disable-sync"]  # fmt: skip


def main(page_path: Path, picture: Path, width: int = 1280, height: int = 860) -> None:
    picture.parent.mkdir(parents=True, exist_ok=True)
    with sync_playwright() as play:
        browser = play.chromium.launch(executable_path="/usr/bin/chromium", args=ARGUMENTS)
        page = browser.new_page(viewport={"width": width, "height": height})
        page.goto(page_path.resolve().as_uri())
        page.wait_for_timeout(1500)
        lanes = page.locator("#viewport").bounding_box()
        if lanes is None:
            raise SystemExit(f"{page_path} shows no lanes")
        page.mouse.move(lanes["x"] + 0.39 * lanes["width"], lanes["y"] + 0.38 * lanes["height"])
        page.wait_for_timeout(500)
        page.screenshot(path=str(picture))
        browser.close()


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]), *(int(number) for number in sys.argv[3:]))
