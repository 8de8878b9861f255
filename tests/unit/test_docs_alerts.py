"""docs/monitoring.md has every alert as it is, and docs/troubleshooting.md an entry where its link leads."""

from urllib.parse import urlsplit

import pytest

from alerts.catalogue import Alert, catalogue
from alerts.render import runbook_entry
from support.documents import anchors, codes, headings, links, page, rows, section

MONITORING = page("docs/monitoring.md")
TROUBLESHOOTING = page("docs/troubleshooting.md")
ALERTS = [alert for group in catalogue() for alert in group.alerts]
ROWS = {name: row for row in rows(section(MONITORING, "The alerts"))[1:] for name in codes(row[0])[:1]}
NAMED = [alert.name for alert in ALERTS]


def test_every_alert_is_listed_and_no_other() -> None:
    assert NAMED == list(ROWS)


@pytest.mark.parametrize("alert", ALERTS, ids=NAMED)
def test_its_row_has_its_severity_and_leads_to_its_entry(alert: Alert) -> None:
    row = ROWS[alert.name]
    assert [alert.severity, [f"troubleshooting.md#{alert.name.lower()}"]] == [row[1], links(row[0])]


@pytest.mark.parametrize("alert", ALERTS, ids=NAMED)
def test_its_link_leads_to_an_entry_of_the_runbook(alert: Alert) -> None:
    address = urlsplit(runbook_entry(alert.name))
    assert address.path.endswith("/troubleshooting.md")
    assert address.fragment in anchors(TROUBLESHOOTING)


def test_the_runbook_has_an_entry_for_every_alert_and_for_no_other() -> None:
    assert NAMED == headings(section(TROUBLESHOOTING, "Alerts"), 3)


@pytest.mark.parametrize("alert", ALERTS, ids=NAMED)
def test_an_entry_says_something(alert: Alert) -> None:
    assert section(TROUBLESHOOTING, alert.name).strip()
