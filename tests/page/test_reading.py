"""The page in a browser: by mouse, by touch, by keyboard alone, and what a screen reader gets."""

import json

import jax.numpy as jnp
import numpy as np
import pytest

import approxlab as al

SECTIONS = ("unit", "bump", "fit", "towers", "depth", "chain", "modes", "descent")


def center(locator):
    locator.scroll_into_view_if_needed()
    box = locator.bounding_box()
    return box["x"] + box["width"] / 2, box["y"] + box["height"] / 2


def drag(page, start, *ends):
    page.mouse.move(*start)
    page.mouse.down()
    for x, y in ends:
        page.mouse.move(x, y, steps=8)
    page.mouse.up()


def drag_by_finger(reader, start, *ends):
    """Touches as the browser's own protocol sends them."""
    session = reader.context.new_cdp_session(reader.page)

    def send(kind, *points):
        touches = [{"x": x, "y": y} for x, y in points]
        session.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": touches})

    send("touchStart", start)
    (x0, y0), last = start, ends[-1]
    for x, y in ends:
        for part in np.linspace(0.1, 1.0, 10):
            send("touchMove", (x0 + part * (x - x0), y0 + part * (y - y0)))
        x0, y0 = x, y
    assert (x0, y0) == last
    send("touchEnd")


def draw_zigzag(reader, pull):
    """A path across the picture of section 3: up, down, up."""
    plot = reader.page.locator("#fit svg.plot").first
    plot.scroll_into_view_if_needed()
    box = plot.bounding_box()
    across = [box["x"] + box["width"] * part for part in (0.16, 0.4, 0.7, 0.96)]
    down = [box["y"] + box["height"] * part for part in (0.7, 0.15, 0.75, 0.2)]
    first, *rest = zip(across, down, strict=True)
    pull(first, *rest)


def exported(reader, section, form="Show JSON"):
    box = reader.page.locator(f"#{section} details")
    box.evaluate("(node) => { node.open = true; }")
    box.get_by_role("button", name=form).click()
    return box.locator("textarea").input_value()


def loaded(text, tmp_path):
    path = tmp_path / "network.json"
    path.write_text(text)
    return al.MLP.load(path)


def test_from_double_click_to_a_drawing_and_to_python(visit, tmp_path):
    reader = visit()
    before = reader.read("fit")
    draw_zigzag(reader, lambda *points: drag(reader.page, *points))
    assert reader.read("fit") != before
    assert reader.control("fit", "Target").input_value() == "drawn"
    net = loaded(exported(reader, "fit"), tmp_path)
    assert net.num_hidden_units == 10
    points = np.linspace(0, 1, 33)
    shown = reader.ask(
        "(text, x) => { const net = page.fromJson(text);"
        " return x.map((t) => [page.sumAt(net, t), page.networkAt(net, [t])]); }",
        *((tmp_path / "network.json").read_text(), points.tolist()),
    )
    values = np.asarray(al.evaluate(net, jnp.asarray(points)[:, None]))
    np.testing.assert_allclose(shown, np.stack([values, values], 1), rtol=0, atol=1e-12)
    names: dict = {}
    exec(exported(reader, "fit", "Show Python").replace("print(", "("), names)
    for ours, theirs in zip(names["net"].weights, net.weights, strict=True):
        assert np.array_equal(ours, theirs)


@pytest.mark.slow
def test_numbers_in_the_diagram_are_dragged(visit):
    reader = visit()
    weight = reader.control("unit", "weight w")
    x, y = center(weight)
    drag(reader.page, (x, y), (x + 60, y))
    assert weight.get_attribute("aria-valuenow") == "28"  # a step each three pixels
    assert "slope there is w/4 = 7" in reader.read("unit")
    handle = reader.control("unit", "position of the step, minus b over w")
    x, y = center(handle)
    drag(reader.page, (x, y), (x + 100, y))
    assert float(handle.get_attribute("aria-valuenow")) > 0.2
    for name in ("first step s1", "second step s2", "height h", "weight of both units"):
        control = reader.control("bump", name)
        before = control.get_attribute("aria-valuenow")
        x, y = center(control)
        drag(reader.page, (x, y), (x - 30, y))
        assert control.get_attribute("aria-valuenow") != before


@pytest.mark.slow
def test_by_finger(visit):
    reader = visit(has_touch=True, is_mobile=True, viewport={"width": 390, "height": 800})
    weight = reader.control("unit", "weight w")
    x, y = center(weight)
    drag_by_finger(reader, (x, y), (x + 45, y))
    assert float(weight.get_attribute("aria-valuenow")) > 8
    # Without the button a finger scrolls; with it, it draws.
    draw_zigzag(reader, lambda *points: drag_by_finger(reader, *points))
    assert reader.control("fit", "Target").input_value() == "nielsen"
    reader.page.get_by_role("button", name="Draw your own").tap()
    draw_zigzag(reader, lambda *points: drag_by_finger(reader, *points))
    assert reader.control("fit", "Target").input_value() == "drawn"
    corner = reader.page.locator("#modes [role=slider][aria-label^=corner]")
    x, y = center(corner)
    drag_by_finger(reader, (x, y), (x + 60, y + 60))
    assert corner.get_attribute("aria-valuetext") != "12 inputs, 4 outputs"


@pytest.mark.slow
def test_by_keyboard_alone(visit):
    """Tab reaches every control; each of them, and each section, answers to its keys."""
    reader = visit()
    page, reached = reader.page, {}
    for _ in range(120):
        page.keyboard.press("Tab")
        focus = page.evaluate(
            "() => { const at = document.activeElement;"
            " return [at.closest('section')?.id, at.getAttribute('aria-label') ?? at.id]; }"
        )
        reached.setdefault(focus[0], []).append(focus[1])
        slider = page.evaluate(
            "() => document.activeElement.matches('[role=slider], [type=range]')"
        )
        if slider:
            text = "() => document.activeElement.getAttribute('aria-valuetext')"
            before = page.evaluate(text)
            page.keyboard.press("ArrowLeft")
            page.keyboard.press("ArrowDown")
            page.keyboard.press("ArrowDown")
            if page.evaluate(text) == before:  # it lay at an end
                page.keyboard.press("ArrowRight")
                page.keyboard.press("ArrowUp")
            assert page.evaluate(text) != before, focus
        if focus[0] == "descent" and "Play" in page.evaluate("document.activeElement.textContent"):
            break
    assert set(SECTIONS) <= set(reached)
    assert reader.control("fit", "Target").input_value() == "drawn"  # by the pen
    player = page.get_by_role("group", name="Player")
    player.get_by_role("button", name="One step on").focus()
    for key, words in (("Home", "Start."), ("ArrowRight", "Forwards: v3 = x + y"), ("End", "Done")):
        page.keyboard.press(key)
        assert words in reader.read("chain")


@pytest.mark.slow
def test_the_chain_rule_is_played(visit):
    reader = visit()
    section = reader.page.locator("#chain")
    assert "2 steps forwards" in reader.read("chain")
    step = section.get_by_role("button", name="One step on")
    told = []
    for _ in range(5):
        step.click()
        told.append(reader.read("chain"))
    assert told[1] == "Forwards: v4 = v3 · z = −20."
    assert told[2] == "The way back starts at the result: df/dv4 = 1."
    assert told[3] == "Backwards through v4 = v3 · z: v3 gets 1 · −4, z gets 1 · 5."
    assert told[4].endswith("Done: df/dx = −4, df/dy = −4, df/dz = 5.")
    formula = section.get_by_label("f(x, y, z) =")
    formula.fill("x x + sin(y")
    assert "not closed" in section.get_by_role("alert").first.inner_text()
    formula.fill("x x + sin(y)")
    section.get_by_role("button", name="To the end").click()
    assert "df/dx = 4," in reader.read("chain")  # two paths meet in x
    section.get_by_role("button", name="Play").click()
    reader.page.wait_for_timeout(1300)
    section.get_by_role("button", name="Pause").click()
    assert "Forwards" in reader.read("chain")


@pytest.mark.slow
def test_what_the_sections_say(visit, tmp_path):
    reader = visit()
    assert "4.5 · 10⁻⁷" in reader.read("towers")
    reader.control("depth", "Folds k").fill("7")
    assert reader.read("depth").startswith("128 straight pieces: 7 ReLU units in 7 layers")
    assert "or 127 ReLU units" in reader.read("depth")
    reader.control("modes", "Outputs m (rows)").fill("1")
    plans = [
        plan([12, 16, 16, 1]) for plan in (al.derivatives.forward_plan, al.derivatives.reverse_plan)
    ]
    factor = plans[0].dot_flops / plans[1].dot_flops
    assert f"Reverse mode is cheaper, by a factor of {factor:.3g}" in reader.read("modes")
    reader.control("descent", "Step size").fill("0.3")
    assert "left every bound" in reader.read("descent")
    for section, sizes in (("towers", (2, 6, 16, 1)), ("depth", (1, *[2] * 7, 1))):
        assert loaded(exported(reader, section), tmp_path).sizes == sizes


@pytest.mark.slow
def test_heights_by_hand_and_the_hint(visit):
    reader = visit("#fit.n=6&fit.target=wave&fit.gain=1")
    error = lambda: float(reader.page.locator("#fit .number").first.inner_text())  # noqa: E731
    by_theorem = error()
    reader.control("fit", "hint: solved by least squares").check()
    assert error() < by_theorem
    reader.control("fit", "hint: placed greedily").check()
    assert error() < by_theorem
    assert "places chosen one by one" in reader.read("fit")
    reader.control("fit", "by hand").check()
    reader.control("fit", "height of plateau 3").focus()
    before = error()
    reader.page.keyboard.press("End")
    assert error() > before
    grip = reader.control("fit", "height of plateau 5")
    height = float(grip.get_attribute("aria-valuenow"))
    x, y = center(grip)
    drag(reader.page, (x, y), (x, y - 40))  # a handle in the picture is dragged, nothing is drawn
    assert float(grip.get_attribute("aria-valuenow")) > height
    assert reader.control("fit", "Target").input_value() == "wave"
    formula = reader.control("fit", "f(x) =")
    formula.fill("3 x")
    assert "It reaches 3" in reader.page.locator("#fit [role=alert]").first.inner_text()
    formula.fill("x^2")
    assert reader.control("fit", "Target").input_value() == "formula"


@pytest.mark.slow
def test_the_address_keeps_the_state(visit):
    reader = visit()
    reader.control("unit", "weight w").press("End")
    draw_zigzag(reader, lambda *points: drag(reader.page, *points))
    reader.control("chain", "f(x, y, z) =").fill("x^2 & y")  # refused, and not kept
    reader.control("chain", "f(x, y, z) =").fill("sin(x) + 2% ".replace("%", "") + "y")
    reader.page.wait_for_timeout(400)
    address = reader.page.evaluate("location.hash")
    again = visit(address)
    assert again.control("unit", "weight w").get_attribute("aria-valuenow") == "100"
    assert again.read("fit") == reader.read("fit")
    assert again.control("chain", "f(x, y, z) =").input_value() == "sin(x) + 2 y"
    wrong = visit(
        "#unit&unit.w=abc&fit.target=drawn&fit.drawn=zz&fit.n=1e9&chain.f=((&descent.f=%3C"
    )
    assert wrong.control("unit", "weight w").get_attribute("aria-valuenow") == "8"
    assert wrong.control("fit", "Units n").input_value() == "64"


@pytest.mark.slow
@pytest.mark.parametrize("activation", ["tanh", "relu2", "leaky_relu", "softplus", "swish", "sin"])
def test_a_network_of_the_library_is_shown(visit, key, tmp_path, activation):
    net = al.MLP.init(key, 1, (7, 5), activation)
    net.save(tmp_path / "mine.json")
    reader = visit()
    reader.page.locator("#fit details").evaluate("(node) => { node.open = true; }")
    reader.page.locator("#fit input[type=file]").set_input_files(tmp_path / "mine.json")
    reader.page.get_by_text("mine.json is shown.").wait_for()
    assert reader.read("fit").startswith("The network that you loaded")
    back = loaded(exported(reader, "fit"), tmp_path)
    assert all(map(np.array_equal, (*back.weights, *back.biases), (*net.weights, *net.biases)))
    points = np.linspace(0, 1, 17)
    found = reader.ask(
        "(text, x) => x.map((t) => page.networkAt(page.fromJson(text), [t]))",
        *((tmp_path / "mine.json").read_text(), points.tolist()),
    )
    exact = np.asarray(al.evaluate(net, jnp.asarray(points)[:, None]))
    np.testing.assert_allclose(found, exact, rtol=0, atol=1e-12)


@pytest.mark.slow
def test_wrong_networks_are_told(visit, key, tmp_path):
    reader = visit()
    ask = "(text) => { try { page.fromJson(text); return ''; } catch (e) { return e.message; } }"
    al.MLP.init(key, 2, (3,)).save(tmp_path / "net.json")
    good = json.loads((tmp_path / "net.json").read_text())
    assert reader.ask(ask, json.dumps(good)) == ""
    for change, words in (
        ({"format": "other"}, "The format is"),
        ({"activation": "constructor"}, "is not known"),
        ({"activation": "gelu"}, "is not known"),
        ({"weights": good["weights"][::-1]}, "do not fit"),
        ({"biases": [["NaN", 0, 0], [0]]}, "do not fit"),
        ({"passthrough": [9]}, "do not fit"),
        ({"dtype": "int8"}, "do not fit"),
        ({"out_size": 2}, "out_size is 2 for 1 outputs"),
    ):
        assert words in reader.ask(ask, json.dumps({**good, **change}))
    assert "not JSON" in reader.ask(ask, "{")
    reader.page.locator("#fit details").evaluate("(node) => { node.open = true; }")
    reader.page.locator("#fit input[type=file]").set_input_files(tmp_path / "net.json")
    reader.page.get_by_text("This network has 2 inputs; expected one input").wait_for()


@pytest.mark.slow
@pytest.mark.parametrize(
    ("theme", "width"), [("light", 1024), ("dark", 1024), ("light", 320), ("dark", 1920)]
)
def test_nothing_is_wrong_for_readers_with_other_needs(visit, theme, width):
    axe = pytest.importorskip(
        "axe_playwright_python.sync_playwright", reason="no axe: pip install -e '.[browser]'"
    )
    reader = visit(f"#theme={theme}&fit.mode=hand", viewport={"width": width, "height": 900})
    reader.page.evaluate("document.querySelectorAll('details').forEach((d) => { d.open = true; })")
    assert reader.page.evaluate("document.documentElement.scrollWidth") <= width
    found = axe.Axe().run(reader.page)
    assert found.violations_count == 0, found.generate_report()
    if theme == "light":  # and a fault is found
        reader.control("unit", "weight w").evaluate("(node) => node.removeAttribute('aria-label')")
        assert axe.Axe().run(reader.page).violations_count == 1
    small = reader.page.evaluate(
        """() => [...document.querySelectorAll('svg text, p, td, th, label, button')].filter(
          (node) => node.textContent.trim() && node.checkVisibility()
            && !node.closest('.heard, .arrows') && parseFloat(getComputedStyle(node).fontSize)
              * (node.ownerSVGElement ? node.getScreenCTM().a : 1) < 11.5
        ).map((node) => node.textContent)"""
    )
    assert not small


@pytest.mark.slow
def test_the_page_can_ask_for_nothing(visit):
    reader = visit()
    reader.page.evaluate("fetch('https://example.org/').catch(() => {})")
    reader.page.wait_for_timeout(100)
    assert any("Content Security Policy" in text for text in reader.wrong)
    with pytest.raises(AssertionError, match="complained|asked"):
        reader.close()
    reader.asked.clear()
    reader.wrong.clear()


@pytest.mark.slow
def test_on_paper(visit):
    reader = visit("#theme=dark")
    reader.page.emulate_media(media="print")
    hidden = reader.page.evaluate(
        "getComputedStyle(document.querySelector('#fit .controls')).display"
    )
    paper = reader.page.evaluate("getComputedStyle(document.body).backgroundColor")
    assert (hidden, paper) == ("none", "rgb(255, 255, 255)")
    assert len(reader.page.pdf()) > 10_000
