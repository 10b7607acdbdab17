# SPDX-License-Identifier: Apache-2.0
"""What the pages for readers say is so: commands, links, designs, tree; and CI runs what the README says."""

import re
import stat

import pytest

from xnorfpga import __main__ as cli
from xnorfpga.base.paths import ROOT
from xnorfpga.design import designs
from xnorfpga.flow.stages import BY_NAME
from xnorfpga.lab.benchmark import RESULTS, Results
from xnorfpga.report.gather import published

PAGES = [ROOT / name for name in ("README.md", "CONTRIBUTING.md", "CHANGELOG.md", "docs/architecture.md")]
README = PAGES[0].read_text()
INSTALL = "pip install -c constraints.txt -e ."


def commands(text):
    """Return the command lines of a page's sh blocks."""
    blocks = re.findall(r"```sh\n(.*?)```", text, re.S)
    return [line.split("#")[0].strip() for block in blocks for line in block.splitlines() if line.strip()]


def section(title):
    """Return the text of the README under a heading, up to the next of its level."""
    return re.search(rf"^## {title}\n(.*?)(?=^## |\Z)", README, re.S | re.M)[1]


def test_the_readme_starts_with_its_two_commands():
    assert commands(README)[:2] == [f"{INSTALL} && doit", "pytest -n auto"]


def test_ci_runs_the_readme_s_commands():
    script = (ROOT / ".ci/run").read_text().splitlines()
    assert "pytest -n auto" in script
    assert any(line.replace("--quiet ", "") == INSTALL for line in script)
    assert "set -euo pipefail" in script
    assert (ROOT / ".ci/run").stat().st_mode & stat.S_IXUSR


@pytest.mark.parametrize("line", [line for line in commands(README) if line.startswith("python -m xnorfpga")])
def test_commands_of_the_readme_parse(line, capsys):
    arguments = line.split()[3:]
    if arguments == ["--help"]:
        with pytest.raises(SystemExit) as exit_:
            cli.parser().parse_args(arguments)
        assert exit_.value.code == 0
    else:
        cli.parser().parse_args(arguments)


def test_tasks_of_the_readme_exist():
    tasks = [line.split()[1] for line in commands(README) if re.match(r"doit \w+:", line)]
    assert tasks
    for task in tasks:
        assert task.split(":")[0] in {"compile", *BY_NAME}
        assert task.split(":")[1] in designs.names()


def test_designs_of_the_readme_are_as_described():
    rows = re.findall(r"^\| `(\w+)` \| ([\w-]+) \| (\w+)", section("Designs"), re.M)
    assert sorted(name for name, *_ in rows) == sorted(designs.names())
    for name, network, weights in rows:
        found = designs.load(name)
        assert found.network.title == network
        assert found.published == (weights == "published")


def test_results_of_the_readme_are_of_designs_that_exist():
    rows = re.findall(r"^\| `(\w+)` \| ([\w-]+) \| [\d.,]+ \|", section("Results"), re.M)
    assert rows
    for name, network in rows:
        assert designs.load(name).network.title == network


def test_what_the_readme_says_against_finn_is_so():
    text = re.search(r"\*\*Against FINN\.\*\*.*?(?=\n- )", README, re.S)[0]
    theirs = next(each for each in published("mnist") if each.name == "FINN LFC-max")
    ours = {row.design: row for row in Results.read(RESULTS).rows}
    for figure in (theirs.images_per_second, theirs.clock_mhz, theirs.cycles_per_image, *theirs.logic_luts):
        assert f"{figure:,.0f}" in text
    operations = 2 * sum(mw * mh for mw, mh in designs.load("mnist").shapes)
    assert f"{operations / theirs.cycles_per_image / theirs.logic_luts[0]:.2f} binary operations" in text
    assert f"`mnist` does {ours['mnist'].ops_per_cycle_per_alm:.2f} " in text
    fast = ours["mnist_100mhz"].images_per_second
    assert f"{fast:,.0f} at 100 MHz" in text and fast > theirs.images_per_second


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_lead_somewhere(page):
    for link in re.findall(r"\]\(([^)#]+)\)|<img src=\"([^\"]+)\"", page.read_text()):
        link = "".join(link)
        assert link.startswith("http") or (page.parent / link).exists(), link


def test_files_of_the_architecture_exist():
    tree = re.search(r"## What is where\n```\n(.*?)```", (ROOT / "docs/architecture.md").read_text(), re.S)[1]
    directory = ROOT
    seen = 0
    for line in tree.splitlines():
        if line.endswith("/"):
            directory = ROOT / line
        for file in re.findall(r"\w+\.(?:py|scala)\b", line):
            assert (directory / file).is_file() or (ROOT / file).is_file(), file
            seen += 1
    assert seen > 30
