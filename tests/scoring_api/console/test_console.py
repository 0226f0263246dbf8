"""The console, as a person meets it in a browser."""

from __future__ import annotations

import time
from urllib.parse import quote, urlsplit

import pytest
from playwright.sync_api import expect

from models.units import DAY_US
from pipeline.credentials.entries import make_key
from pipeline.identity.alias import Alias
from pipeline.store import Commit, LastEvent, PipelineStatus

pytestmark = pytest.mark.browser

HELPDESK = "spiffe://example.com/ns/it/sa/helpdesk"
REFUNDS = "spiffe://example.com/ns/shop/sa/refunds"
TELLER = "teller-1"
HOSTILE = "<img src=x onerror=\"document.title='owned'\"> is text"


@pytest.fixture
def page(browser):
    """Give a page that must load nothing from elsewhere and log no error."""
    faults: list[str] = []
    opened = browser.new_page(viewport={"width": 1280, "height": 900})
    opened.set_default_timeout(10_000)
    opened.on("pageerror", lambda error: faults.append(str(error)))
    opened.on("console", lambda said: faults.append(said.text) if "Policy" in said.text else None)
    opened.on(
        "request",
        lambda asked: (
            faults.append(asked.url)
            if urlsplit(asked.url).hostname not in ("127.0.0.1", "", None)
            else None
        ),
    )
    yield opened
    opened.close()
    assert faults == []


@pytest.fixture
def story(installation):
    installation.put(
        installation.state(),
        installation.state(
            HELPDESK,
            items=(installation.item(severity="critical"),),
            at_us=installation.ago_us(31),
        ),
    )
    installation.hear_until(HELPDESK, 31)
    reason = installation.anomaly(0)["reasons"][0]
    installation.find(
        installation.anomaly(1, severity="medium"),
        installation.anomaly(2, severity="critical", agent_id=HELPDESK),
        installation.anomaly(3, severity="critical", rank=99.0, agent_id=HELPDESK),
        installation.anomaly(4, severity="critical", status="dismissed"),
        installation.anomaly(5, severity="low", reasons=[{**reason, "why": HOSTILE}]),
    )
    with installation.client() as client:
        yield str(client.base_url)


def test_queue_begins_with_the_most_relevant_anomaly(page, story):
    page.goto(story)
    queue = page.locator("#queue > li")
    expect(queue).to_have_count(5)
    severities = [item.locator(".chip").first.inner_text() for item in queue.all()]
    assert severities == ["critical", "critical", "medium", "low", "critical"]
    assert "dismissed" in queue.last.inner_text()
    queue.first.locator("summary").click()
    body = queue.first.locator(".anomaly-body")
    expect(body).to_contain_text("9.4 bits")
    expect(body).to_contain_text("on about 1 day in 3,300, of 812 days of agents of the fleet")
    expect(body).to_contain_text("Expected: request (93 %)")


def test_share_of_events_of_the_judge_before_is_not_shown_as_one_of_days(page, installation):
    installation.put(installation.state())
    installation.find(installation.anomaly(1, p=0.66, p_n=1265, ground="rule"))
    with installation.client() as client:
        page.goto(str(client.base_url))
        page.locator("#queue summary").first.click()
        body = page.locator("#queue .anomaly-body").first
        expect(body).to_contain_text("judged by an earlier version")
        expect(body).not_to_contain_text("on most days")
        expect(body).not_to_contain_text("1 day in")


def test_anomaly_names_its_case(page, installation):
    installation.put(installation.state())
    installation.find(installation.anomaly(1))
    with installation.client() as client:
        page.goto(str(client.base_url))
        page.locator("#queue summary").first.click()
        body = page.locator("#queue .anomaly-body").first
        expect(body).to_contain_text("C-0000000000000001")


def test_text_of_agents_is_never_markup(page, story):
    page.goto(story)
    expect(page.locator("#queue")).to_contain_text(HOSTILE)
    assert page.locator("main img").count() == 0
    assert page.title() == "Habitus"


def test_agent_is_reached_by_keyboard_and_shows_the_reasons_of_its_trust(page, story):
    page.goto(story)
    link = page.locator("#agents a").first
    expect(link).to_have_text(HELPDESK)
    link.focus()
    page.keyboard.press("Enter")
    detail = page.locator("#detail")
    expect(detail.locator("h1")).to_have_text(HELPDESK)
    expect(detail.locator(".evidence tbody tr")).to_have_count(1)
    expect(detail.locator(".effect")).to_contain_text("-3")
    expect(detail.locator(".chart")).to_be_visible()
    expect(detail).to_contain_text("clean days")
    expect(detail.locator("ol.queue > li")).to_have_count(2)
    shown = detail.inner_text()
    assert not any(word in shown for word in ("null", "undefined", "NaN"))
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    expect(page.locator("#overview")).to_be_visible()


def test_agent_with_security_events_alone_has_a_page(page, installation):
    state = installation.state(HELPDESK)
    state.last_seen_us = 0
    installation.put(state)
    with installation.client() as client:
        page.goto(str(client.base_url))
        page.locator("#agents a").first.click()
        expect(page.locator("#detail .facts.panel")).to_contain_text("not yet")


def test_pages_of_an_agent_and_its_alias_name_each_other(page, installation, story):
    row = Alias(
        value=TELLER, agent_id=HELPDESK, kind="spiffe-id", state="confirmed", version=1, since_us=1
    )
    installation.put(installation.state(TELLER))
    installation.store.commit(Commit(aliases=[row]))
    page.goto(f"{story}/console/#/agent/{quote(HELPDESK, safe='')}")
    facts = page.locator("#detail .facts.panel")
    expect(facts).to_contain_text("spiffe-id, since 1970-01-01")
    facts.locator(".aliases a").click()
    expect(page.locator("#detail h1")).to_have_text(TELLER)
    expect(page.locator("#detail .facts.panel")).to_contain_text("Judged as")


def until_silent(page, story):
    """Wait until the API has computed which agents are silent, every 0.05 s."""
    end = time.monotonic() + 60
    while '"silent":{' not in page.request.get(f"{story.split('/console')[0]}/v1/agents").text():
        assert time.monotonic() < end
        time.sleep(0.1)


def test_page_of_a_silent_agent_describes_its_silence(page, installation, story):
    words = "silent 31 h, usually 14 h at most"
    until_silent(page, story)
    page.goto(story)
    row = page.locator("#agents tr", has_text="sa/helpdesk")
    expect(row.locator(".chip.silent")).to_have_text(words, timeout=12_000)
    expect(page.locator("#agents .chip.silent")).to_have_count(1)
    row.locator("a").click()
    expect(page.locator("#detail .hero .chip.silent")).to_have_text(words)
    installation.put(installation.state(HELPDESK))
    expect(page.locator("#detail .chip.silent")).to_have_count(0, timeout=12_000)


def test_faded_evidence_is_described_as_past(page, installation):
    old = installation.item("old", at_us=installation.now_us() - 300 * DAY_US)
    installation.put(installation.state(HELPDESK), installation.state(TELLER, items=(old,)))
    installation.find(
        *(installation.anomaly(n, agent_id=name) for n, name in enumerate((HELPDESK, TELLER)))
    )
    with installation.client() as client:
        url = f"{client.base_url}/console/#/agent/"
        page.goto(url + TELLER)
        expect(page.locator("#detail .effect")).to_have_text("0.0")
        page.goto(url + HELPDESK.replace("/", "%2F"))
        expect(page.locator("#detail")).to_contain_text("any more: what did has faded")


def test_page_updates_without_moving_the_reader(page, story, installation):
    page.goto(story)
    page.locator("#queue summary").first.click()
    page.locator("#queue summary").first.focus()
    installation.find(installation.anomaly(9, severity="critical", rank=100.0))
    expect(page.locator("#queue > li")).to_have_count(6, timeout=12_000)
    assert page.locator("#queue > li").nth(1).locator("details").get_attribute("open") is not None
    assert page.evaluate("document.activeElement.dataset.key") == "anomaly-anomaly-3"


def test_agents_are_searched_and_chosen_by_level(page, story):
    page.goto(story)
    expect(page.locator("#agents tr")).to_have_count(2)
    page.locator("#q").fill("HELPDESK")
    expect(page.locator("#agents tr")).to_have_count(1)
    page.locator("#q").fill("nothing like it")
    expect(page.locator("#agents-empty")).to_contain_text("No agent fits")
    page.locator("#q").fill("")
    page.locator("#level").select_option("trusted")
    expect(page.locator("#agents a")).to_have_text(REFUNDS)


def test_agents_are_chosen_by_group_of_the_inventory(page, installation, tmp_path):
    file = tmp_path / "inventory.yaml"
    file.write_text(f"- {{agent_id: '{REFUNDS}', owner: a}}\n- {{agent_id: planned, owner: a}}\n")
    installation.put(installation.state(), installation.state(HELPDESK))
    with installation.client(inventory=file) as client:
        page.goto(str(client.base_url))
        expect(page.locator("#agents-coverage")).to_have_text(
            "1 of 2 agents seen in 30 days are registered (50 %), 1 unowned, 1 dormant.",
            timeout=15_000,
        )
        page.locator("#group").select_option("shadow")
        expect(page.locator("#agents a")).to_have_count(1)
        expect(page.locator("#agents a")).to_have_text(HELPDESK)
        assert "group=shadow" in page.url
        page.locator("#group").select_option("dormant")
        expect(page.locator("#agents th")).to_contain_text("planned")
        expect(page.locator("#agents a")).to_have_count(0)


def test_empty_installation_explains_how_to_add_events(page, installation):
    with installation.client() as client:
        page.goto(str(client.base_url))
        expect(page.locator("#queue-empty")).to_contain_text("Nothing unusual")
        expect(page.locator("#agents-empty")).to_contain_text("No agent has been seen")


def test_late_pipeline_and_absent_api_are_reported(page, installation):
    installation.put(installation.state())
    with installation.client() as client:
        page.goto(str(client.base_url))
        expect(page.locator("#pulse")).to_contain_text("live")
        installation.say(lag_s=900)
        expect(page.locator("#pulse")).to_contain_text("15 min late", timeout=12_000)
        expect(page.locator("#agents")).to_contain_text("stale")
    expect(page.locator("#trouble")).to_contain_text("cannot be reached", timeout=12_000)
    expect(page.locator("#trouble")).to_contain_text("Shown is what was known at")


def test_a_quiet_source_is_named(page, installation):
    installation.put(installation.state())
    now = installation.now_us()
    with installation.client() as client:
        page.goto(str(client.base_url))
        expect(page.locator("#pulse")).to_contain_text("live")
        last = {"http": LastEvent("live", now - 36 * 86_400_000_000, now)}
        status = PipelineStatus("running", now, now, 0, last_events=last)
        installation.store.commit(Commit(status=status))
        expect(page.locator("#pulse")).to_contain_text(
            "nothing from http for 36 days", timeout=12_000
        )
        expect(page.locator("#pulse")).to_have_class("pulse pulse-stale")
        expect(page.locator("#agents")).to_contain_text("stale")


def test_key_is_requested_and_never_stored(page, installation, tmp_path):
    installation.put(installation.state())
    secret, entry = make_key("analyst", ["trust:read"])
    path = tmp_path / "keys.json"
    path.write_text(f'[{{"id":"analyst","sha256":"{entry.sha256}","scopes":["trust:read"]}}]')
    with installation.client(api_keys_file=path) as client:
        page.goto(str(client.base_url))
        expect(page.locator("#trouble")).to_contain_text("asks for an API key")
        page.get_by_label("API key or token").fill(secret)
        page.keyboard.press("Enter")
        expect(page.locator("#agents a")).to_have_text(REFUNDS)
        expect(page.locator("#queue-empty")).to_contain_text("no scope to read anomalies")
        kept = "JSON.stringify([{...localStorage}, {...sessionStorage}, document.cookie, location])"
        assert secret not in page.evaluate(kept)
        assert secret not in page.content()
        page.reload()
        expect(page.locator("#trouble")).to_contain_text("asks for an API key")


@pytest.mark.parametrize("width", [390, 1280])
def test_page_fits_the_width_of_the_window(page, story, width):
    page.set_viewport_size({"width": width, "height": 800})
    for place in ("/", f"/console/#/agent/{HELPDESK.replace('/', '%2F')}", "/docs"):
        page.goto(story + place)
        page.wait_for_selector(".panel:visible")
        page.wait_for_load_state("networkidle")
        assert page.evaluate("document.documentElement.scrollWidth") <= width


def test_the_description_of_the_api_is_readable_offline(page, story):
    page.goto(f"{story}/docs")
    path = page.locator("summary", has_text="/v1/agents/{agent_id}/trust")
    call = page.locator("#calls details").filter(has=path)
    call.locator("summary").click()
    expect(call).to_contain_text("valid_until")
