"""Links between pages are valid, and files that repeat each other agree."""

import re
from pathlib import Path

import pytest
import yaml

from deploy import settings_page
from deploy.local.settings import ROOT

DECISIONS = ROOT / "docs" / "decisions"
PAGES = [
    *ROOT.glob("*.md"),
    *(ROOT / "docs").rglob("*.md"),
    *(ROOT / "models").glob("*/*.md"),
    *(ROOT / "bench").glob("*.md"),
    *(ROOT / "carina").glob("*.md"),
]


def test_the_index_lists_every_decision_under_its_own_title() -> None:
    titles = {}
    for page in sorted(DECISIONS.glob("0*.md")):
        number, _, title = page.read_text().partition("\n")[0].removeprefix("# ").partition(". ")
        assert int(number) == int(page.name[:4])
        titles[page.name] = title
    index = (DECISIONS / "README.md").read_text()
    assert dict(re.findall(r"^\| \[\d+\]\((\S+)\) \| (.+) \|$", index, re.MULTILINE)) == titles


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_every_link_to_a_file_is_valid(page: Path) -> None:
    links = re.findall(r"\]\(([^)#:\s]+)(?:#[^)]*)?\)", page.read_text())
    assert not [link for link in links if not (page.parent / link).exists()]


def test_the_files_and_commands_in_contributing_exist() -> None:
    page = (ROOT / "CONTRIBUTING.md").read_text()
    names = {name for name in re.findall(r"`([\w./-]+)`", page) if "/" in name or "." in name}
    paths = {name for name in names if name.split("/")[0] in {path.name for path in ROOT.iterdir()}}
    assert len(paths) > 15
    assert not [name for name in paths if not (ROOT / name).exists()]
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    assert set(re.findall(r"make ([a-z-]+)[`, ]", page)) <= targets


def test_pre_commit_runs_what_make_check_runs() -> None:
    makefile = (ROOT / "Makefile").read_text()
    recipe = re.search(r"^check:.*\n((?:\t.*\n)+)", makefile, re.MULTILINE)
    assert recipe is not None
    checks = [line.strip().replace("$(BIN)", ".venv/bin") for line in recipe[1].splitlines()]
    config = yaml.safe_load((ROOT / ".pre-commit-config.yaml").read_text())
    assert [hook["entry"] for hook in config["repos"][0]["hooks"]] == checks


def test_the_page_of_the_settings_is_what_their_classes_say() -> None:
    assert settings_page.PAGE.read_text() == settings_page.page(), "run `make docs`"
