"""Links, images, the settings table and the index of decisions agree with what is there."""

import re
from pathlib import Path
from urllib.parse import unquote

import pytest

from dev.stack import ROOT
from settings import Settings
from tests.docs.markdown import README, anchors, links, pages, rows

ADR = ROOT / "docs" / "adr"
ADR_HEADINGS = ["Context", "Decision", "Consequences", "Alternatives"]
LARGEST_IMAGE = 250_000


@pytest.mark.parametrize("page", pages(), ids=lambda page: str(page.relative_to(ROOT)))
def test_links_lead_somewhere(page: Path) -> None:
    broken = []
    for link in links(page):
        if re.match(r"[a-z]+:", link):
            continue
        path, _, anchor = unquote(link).partition("#")
        target = (page.parent / path).resolve() if path else page
        if not target.exists() or (anchor and anchor not in anchors(target)):
            broken.append(link)
    assert not broken


def test_every_page_is_in_the_index() -> None:
    folder = ROOT / "docs"
    listed = {(folder / link.partition("#")[0]).resolve() for link in links(folder / "README.md")}
    assert {page for page in folder.glob("*.md") if page.name != "README.md"} <= listed
    assert ADR / "README.md" in listed


def test_images_are_used_and_small() -> None:
    used = {(page.parent / link).resolve() for page in pages() for link in links(page)}
    images = set((ROOT / "docs" / "images").iterdir())
    assert images
    assert images <= used
    assert all(image.stat().st_size < LARGEST_IMAGE for image in images)


def test_the_settings_table_is_the_settings() -> None:
    told = {name: (default, words) for name, default, words in rows(README, r"`CHAINSAGA_\w+`")}
    known = {
        f"`CHAINSAGA_{name.upper()}`": (_shown(field.get_default()), field.description)
        for name, field in Settings.model_fields.items()
    }
    assert told == known
    assert list(told) == list(known), "in the order of settings.py"


def test_the_first_screen_names_the_commands_and_the_missing_login() -> None:
    screen = "\n".join(README.read_text().splitlines()[:25])
    for words in ("make demo", "make test", "no login yet", "127.0.0.1", "compensated-run.png"):
        assert words in screen


def test_the_index_of_decisions_is_complete() -> None:
    listed = {row[0]: row for row in rows(ADR / "README.md", r"\d+")}
    files = sorted(ADR.glob("[0-9]*.md"))
    assert list(listed) == [str(int(file.name[:4])) for file in files]
    for file, row in zip(files, listed.values(), strict=True):
        title = re.match(r"# (\d+)\. (.+)\n", file.read_text())
        assert title is not None, file.name
        assert file.name.startswith(f"{int(title[1]):04d}-")
        assert row[:2] == [title[1], f"[{title[2]}]({file.name})"]
        status = re.search(r"^Status: (\w+)\. Date: (\d{4}-\d\d-\d\d)$", file.read_text(), re.M)
        assert status is not None, file.name
        assert row[2:] == [status[1], status[2]]


@pytest.mark.parametrize("file", sorted(ADR.glob("[0-9]*.md")), ids=lambda file: file.stem)
def test_a_decision_fits_a_page(file: Path) -> None:
    text = file.read_text()
    assert re.findall(r"^## (.+)$", text, re.MULTILINE) == ADR_HEADINGS
    assert len(text.splitlines()) <= 60


def _shown(default: object) -> str:
    match default:
        case None | ():
            return "*none*"
        case bool():
            return f"`{str(default).lower()}`"
        case tuple():
            return f"`{','.join(default)}`"
    return f"`{default}`"
