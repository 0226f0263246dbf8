"""The queue and the ids of the console, as a person meets them in a browser."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from playwright.sync_api import expect

pytestmark = pytest.mark.browser

CASES = json.loads((Path(__file__).parents[2] / "visible_cases.json").read_text())
GHOSTS = {
    "count": 250,
    "first": [f"ghost-{n:03}" for n in range(10)],
    "shared": {"credential": "c-9"},
}
PARTS = (("", "trust"), ("/trust", "score"), ("/evidence", "items"), ("/history", "points"))
UNUSUAL_IDS = [
    ".",
    "..",
    "//",
    "...",
    "../..",
    "a b  c",
    "a?b#c",
    "a%2Fb",
    "a/trust",
    "line\nbreak",
    "x" * 256,
    "spiffe://example.com/ns/shop/sa/refunds-1",
    "r\u0435funds\u202e-1",
]


@pytest.fixture
def page(browser):
    opened = browser.new_page(viewport={"width": 1280, "height": 900})
    opened.set_default_timeout(10_000)
    faults: list[str] = []
    opened.on("pageerror", lambda error: faults.append(str(error)))
    yield opened
    opened.close()
    assert faults == []


@pytest.fixture
def flooded(installation):
    """Serve an incident, 60 medium anomalies, and a finding of 250 unknown agents."""
    installation.put(installation.state())
    installation.find(
        installation.anomaly(1, severity="critical", anomaly="cred.reuse"),
        *(installation.anomaly(n, severity="medium", rank=n / 10) for n in range(2, 60)),
        installation.anomaly(70, anomaly="identity.shadow", agent_id="ghost-000", agents=GHOSTS,
            count=300, time="2026-01-06T09:00:00.000000Z"),
    )  # fmt: skip
    with installation.client() as client:
        yield str(client.base_url)


def test_the_first_page_shows_the_incident_and_one_finding_of_250_agents(page, flooded):
    page.goto(flooded)
    queue = page.locator("#queue > li")
    expect(queue).to_have_count(50)
    expect(queue.nth(0)).to_contain_text("Cred: reuse")
    expect(queue.nth(1)).to_contain_text("250 agents: ghost-000, ghost-001, ghost-002")
    expect(queue.nth(1)).to_contain_text("and 247 others")
    queue.nth(1).locator("summary").click()
    expect(queue.nth(1).locator(".anomaly-body")).to_contain_text("300 events")
    expect(queue.nth(1).locator(".names li")).to_have_count(10)


def test_filters_order_and_page_are_in_the_address_and_come_back_from_it(page, flooded):
    page.goto(flooded)
    page.get_by_label("medium").check()
    expect(page.locator("#queue > li").first).to_contain_text("medium")
    page.get_by_label("Order", exact=True).select_option("oldest")
    expect(page.locator("#queue time").first).to_have_attribute(
        "datetime", "2026-01-05T08:02:00.000000Z"
    )
    page.get_by_role("button", name="Next").click()
    expect(page.locator("#queue > li")).to_have_count(8)
    expect(page.get_by_role("button", name="Next")).to_be_disabled()
    shared = page.url
    assert "severity=medium" in shared
    assert "order=oldest" in shared
    assert "cursor=" in shared
    rows = page.locator("#queue").inner_text()
    page.goto("about:blank")
    page.goto(shared)
    expect(page.locator("#queue > li")).to_have_count(8)
    assert page.locator("#queue").inner_text() == rows
    expect(page.get_by_label("medium")).to_be_checked()
    page.get_by_role("button", name="Previous").click()
    expect(page.locator("#queue > li")).to_have_count(50)
    expect(page.locator("#queue time").first).to_have_attribute(
        "datetime", "2026-01-05T08:02:00.000000Z"
    )
    page.go_back()
    expect(page.locator("#queue > li")).to_have_count(8)


def test_custom_type_and_time_filter_the_list(page, flooded):
    page.goto(flooded)
    page.get_by_label("Type", exact=True).select_option(label="Agent outside the inventory")
    expect(page.locator("#queue > li")).to_have_count(1)
    page.get_by_role("button", name="Clear filters").click()
    expect(page.locator("#queue > li")).to_have_count(50)
    page.get_by_label("Time", exact=True).select_option("own")
    page.get_by_label("From (UTC)").fill("2026-01-05T08:03")
    page.get_by_label("From (UTC)").blur()
    page.get_by_label("Before (UTC)").fill("2026-01-05T08:05")
    page.get_by_label("Before (UTC)").blur()
    expect(page.locator("#queue > li")).to_have_count(2)
    assert "since=2026-01-05T08%3A03" in page.url


def test_unregistered_agents_can_be_hidden_by_the_address(page, flooded):
    page.goto(flooded)
    box = page.get_by_label("Hide agents outside the inventory")
    box.check()
    expect(page.locator("#queue > li").nth(1)).to_contain_text("medium")
    expect(page.locator("#queue")).not_to_contain_text("ghost-000")
    page.goto(page.url.replace("#/?", "#/?kind=identity.shadow&"))
    expect(page.locator("#queue-empty")).to_contain_text("No anomaly fits")
    expect(box).to_be_checked()
    page.get_by_role("button", name="Show agents outside the inventory").click()
    expect(page.locator("#queue > li")).to_have_count(1)
    expect(box).not_to_be_checked()


def test_empty_list_names_the_hiding_filters(page, flooded):
    page.goto(f"{flooded}/console/#/?severity=low&kind=cred.reuse")
    empty = page.locator("#queue-empty")
    expect(empty).to_contain_text("No anomaly fits: severity low, type “")
    expect(empty.get_by_role("button")).to_have_count(1)
    empty.get_by_role("button", name="Show without severity low").click()
    expect(page.locator("#queue > li")).to_have_count(1)
    assert "severity" not in page.url
    page.goto(f"{flooded}/console/#/?severity=low")
    expect(empty.get_by_role("button")).to_have_text("Show without severity low")


def test_the_queue_is_filtered_and_turned_by_keyboard_alone(page, flooded):
    page.goto(flooded)
    page.get_by_label("medium").focus()
    page.keyboard.press("Space")
    expect(page.locator("#queue > li").first).to_contain_text("medium")
    page.get_by_role("button", name="Next").focus()
    page.keyboard.press("Enter")
    expect(page.locator("#queue > li")).to_have_count(8)
    assert page.evaluate("document.activeElement.id") == "queue-title"


@pytest.mark.parametrize("width", [390, 1280])
def test_every_id_has_a_link_that_works_and_wraps(page, installation, width):
    installation.put(*(installation.state(one) for one in UNUSUAL_IDS))
    installation.find(*(installation.anomaly(n, agent_id=one) for n, one in enumerate(UNUSUAL_IDS)))
    page.set_viewport_size({"width": width, "height": 900})
    with installation.client() as client:
        page.goto(str(client.base_url))
        links = page.locator("#agents a.agent-link")
        expect(links).to_have_count(len(UNUSUAL_IDS))
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        hrefs = [link.get_attribute("href") for link in links.all()]
        assert len(set(hrefs)) == len(UNUSUAL_IDS)
        for href in hrefs:
            page.locator(f'#agents a.agent-link[href="{href}"]').click()
            expect(page.locator("#detail h1")).to_be_visible()
            expect(page.locator("#detail ol.queue > li")).to_have_count(1)
            assert page.evaluate("document.documentElement.scrollWidth") <= width
            page.go_back()
            expect(links).to_have_count(len(UNUSUAL_IDS))


@pytest.mark.parametrize("agent_id", UNUSUAL_IDS, ids=ascii)
def test_the_api_answers_for_every_id_by_query(installation, agent_id):
    installation.put(installation.state(agent_id))
    with installation.client() as client:
        for part, key in PARTS:
            answer = client.get(f"/v1/agent{part}", params={"id": agent_id})
            assert answer.status_code == 200, answer.text
            assert answer.json()["agent_id"] == agent_id
            assert key in answer.json()


def test_hidden_characters_of_ids_are_marked_and_look_alike_ids_are_distinguishable(
    page, installation
):
    names = ["refunds-1", "refunds-l", "r\u0435funds-1", "evil\u202etxt", "zero\u200bwidth"]
    installation.put(*(installation.state(one) for one in names))
    with installation.client() as client:
        page.goto(str(client.base_url))
        links = page.locator("#agents a.agent-link")
        expect(links).to_have_count(5)
        assert sorted(link.inner_text() for link in links.all()) == [
            "evil⟨U+202E⟩txt",
            "refunds-1⟨U+0031⟩",
            "refunds-l⟨U+006C⟩",
            "r\u0435⟨U+0435⟩funds-1",
            "zero⟨U+200B⟩width",
        ]
        assert "\u202e" not in page.locator("body").inner_text()
        page.locator("#agents a", has_text="evil").click()
        expect(page.locator("#detail h1")).to_have_text("evil⟨U+202E⟩txt")
        assert "⟨U+202E⟩" in page.title()


def test_ids_that_share_head_or_tail_are_whole(page, installation):
    ids = [
        "spiffe://example.com/ns/shop/sa/refunds-1",
        "spiffe://example.com/ns/shop/sa/refunds-2",
        "a" * 100 + "1" + "a" * 100,
        "a" * 100 + "2" + "a" * 100,
    ]
    installation.put(*(installation.state(one) for one in ids))
    with installation.client() as client:
        page.goto(str(client.base_url))
        expect(page.locator("#agents a.agent-link")).to_have_count(4)
        assert {link.inner_text() for link in page.locator("#agents a.agent-link").all()} == set(
            ids
        )


def test_the_console_names_characters_as_the_terminal_does(page, flooded):
    page.goto(flooded)
    shown = page.evaluate(
        """async (cases) => {
          const { visible, toldApart } = await import("/console/visible.js");
          return [
            cases.visible.map(({ text }) => [visible(text), visible(text, { name: true })]),
            cases.told_apart.map(([names]) => [...toldApart(names).values()]),
          ];
        }""",
        CASES,
    )
    texts = [
        (case.get("prose", case["text"]), case.get("name", case["text"]))
        for case in CASES["visible"]
    ]
    assert [tuple(pair) for pair in shown[0]] == texts
    assert shown[1] == [after for _, after in CASES["told_apart"]]
