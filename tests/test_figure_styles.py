"""Figures of committed records for paper and slides: sizes, letters, fonts, the same bytes."""

import importlib
import io
import re
from pathlib import Path

import matplotlib as mpl
import matplotlib.pyplot as plt
import pytest
from matplotlib.image import imread
from sampling import mostly_slow

from approxlab import records
from experiments import runner
from experiments.runner.pages import medium, pages

ROOT = Path(__file__).parent.parent
SOME = mostly_slow(
    ["fault_share", "gap_to_optimum", "certified_benchmark", "kernel_limit"], ["fault_share"]
)


def experiment(name):
    return importlib.import_module(f"experiments.{name}.experiment").EXPERIMENT


def drawn(name):
    mpl.use("Agg")
    return experiment(name).draw(records.read_record(ROOT / "figures" / f"{name}.json").rows)


def on_page(figure):
    """The texts and legends that are seen, with their boxes in inches."""
    figure.canvas.draw()
    parts, seen = [figure], []
    while parts:
        part = parts.pop()
        parts += part.subfigs
        seen += [*part.texts, *part.legends]
    for ax in figure.axes:
        if ax.get_visible():
            seen += [ax.title, ax._left_title, ax.xaxis.label, ax.yaxis.label]
    inches = figure.dpi_scale_trans.inverted()
    for one in seen:
        texts = one.get_texts() if hasattr(one, "get_texts") else [one]
        if one.get_visible() and any(text.get_text().strip() for text in texts):
            yield texts, one.get_window_extent().transformed(inches)


@pytest.mark.parametrize(("style", "columns"), [("slides", 2), ("paper", 1), ("paper", 2)])
@pytest.mark.parametrize("name", SOME)
def test_letters_have_their_size_and_lie_on_the_page(name, style, columns):
    figure, shown = drawn(name), medium(style, columns)
    if len(figure.axes) == 1:
        pytest.skip("a figure of one panel stays as it was drawn")
    every, seen = list(figure.axes), set()
    for page in pages(figure, shown):
        assert page.get_figwidth() == shown.width
        seen |= {ax for ax in page.axes if ax.get_visible()}
        for texts, box in on_page(page):
            text = texts[0]
            assert all(shown.letters[0] <= one.get_fontsize() <= shown.letters[1] for one in texts)
            assert box.x0 > -0.02, text
            assert box.x1 < page.get_figwidth() + 0.02, text
            assert box.y0 > -0.02, text
            assert box.y1 < page.get_figheight() + 0.02, text
    assert seen == set(every)


def test_one_column_has_room_for_what_is_drawn():
    """Long names, texts and legends inside of frames would leave a sliver of a frame."""
    mpl.use("Agg")
    figure, axes = plt.subplots(1, 2, figsize=(11.0, 5.0), layout="constrained")
    long = "a name with several words that is long"
    axes[0].barh(range(3), [1.0, 2.0, 3.0], label="what the bars are said to show, in many words")
    axes[0].set_yticks(range(3), [f"{long} {i}" for i in range(3)])
    axes[0].text(0.0, 1.02, f"{long}, and {long}", transform=axes[0].transAxes)
    axes[0].legend()
    axes[1].plot([0.0, 1.0])
    inches = figure.dpi_scale_trans.inverted()
    page = next(iter(pages(figure, medium("paper", 1))))
    page.canvas.draw()
    assert axes[0].get_window_extent().transformed(inches).width > 1.3
    assert not axes[0].get_legend().get_visible()
    assert len(page.legends) == 1
    for text in (*axes[0].texts, *axes[0].get_yticklabels(), *page.legends[0].get_texts()):
        box = text.get_window_extent().transformed(inches)
        assert -0.02 < box.x0 < box.x1 < page.get_figwidth() + 0.02, text
    names = [label.get_text() for label in axes[0].get_yticklabels()]
    assert all("\n" in name and name.replace("\n", " ").startswith(long) for name in names)


def plot(folder, *flags, name="fault_share"):
    code = runner.main(experiment(name), ["--plot-only", "--quiet", "--out", str(folder), *flags])
    assert code == 0
    return {
        path.name: path.read_bytes() for path in folder.glob(f"{name}*") if path.suffix != ".json"
    }


def test_without_flags_the_committed_figure_keeps_its_bytes(tmp_path):
    files = plot(tmp_path)
    assert files.keys() == {"fault_share.png"}
    assert plot(tmp_path) == files


@pytest.mark.parametrize("ending", ["pdf", "svg"])
def test_files_say_no_date_and_embed_their_letters(tmp_path, ending):
    files = plot(tmp_path, "--style", "paper", "--columns", "1", "--format", ending)
    assert files
    for data in files.values():
        assert not re.search(rb"CreationDate|<dc:date>|Matplotlib v", data)
        if ending == "pdf":
            assert b"/Type3" not in data
            assert b"/FontFile2" in data
    (tmp_path / "again").mkdir()
    again = plot(tmp_path / "again", "--style", "paper", "--columns", "1", "--format", ending)
    assert again == files


def test_slides_are_numbered_and_fill_a_screen(tmp_path):
    files = plot(tmp_path, "--style", "slides")
    assert sorted(files) == ["fault_share_slides_1.png", "fault_share_slides_2.png"]
    for data in files.values():
        assert imread(io.BytesIO(data)).shape[:2] == (1080, 1920)


def test_columns_belong_to_paper(tmp_path, capsys):
    flags = ["--plot-only", "--out", str(tmp_path), "--columns", "1"]
    assert runner.main(experiment("fault_share"), flags) == 2
    assert "--style paper" in capsys.readouterr().err
