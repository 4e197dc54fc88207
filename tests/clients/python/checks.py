"""What the clients in Python share: who there is to log in, a list of checks, and a browser at the login page."""

import os
import sys
import traceback
from html.parser import HTMLParser
from urllib.parse import parse_qsl, urljoin, urlsplit

import requests

# Of examples/server/bank.rs.
PORTAL, PORTAL_SECRET = "developers.devportal", "devportal-secret-for-trying-out-only"
MOBILE = "mobile-app"
ENCODED = "nightly reports/1@bank.example"
ENCODED_SECRET = r"""for trying out only: a/b?c=d&e #f "g" 'h' <i> ~j! $k* (l);m,n@o[p]{q}|r\s^t`u"""
USER, PASSWORD = "00506493296", "senha123"

SCOPE = "apps email openid profile webhooks"

passed, failed = 0, []


def check(name, run):
    """Runs one check. Answers what it answers, or nothing where it failed."""
    global passed
    try:
        answer = run()
    except Exception:  # Whatever went wrong, the other checks run.
        failed.append(name)
        print(f"FAILED: {name}", file=sys.stderr)
        traceback.print_exc()
        return None
    passed += 1
    if os.environ.get("VERBOSE"):
        print(f"ok: {name}", file=sys.stderr)
    return answer


def done(title):
    """Prints the summary, and ends the program by it."""
    print(f"{title}: {passed} checks passed, {len(failed)} failed")
    sys.exit(1 if failed or not passed else 0)


def same(left, right):
    assert left == right, f"{left!r} is not {right!r}"


def raises(kind, run):
    """The error of that kind which it must raise."""
    try:
        answer = run()
    except kind as caught:
        return caught
    raise AssertionError(f"not refused: {answer}")


class Form(HTMLParser):
    """The fields of the form of a page."""

    def __init__(self, page):
        super().__init__()
        self.action, self.fields = None, {}
        self.feed(page)

    def handle_starttag(self, tag, attributes):
        attributes = dict(attributes)
        if tag == "form":
            self.action = attributes["action"]
        elif tag == "input":
            self.fields[attributes["name"]] = attributes.get("value") or ""


def log_in(url, decision="allow", **sent):
    """Opens the login page, logs in, and answers where that redirects to."""
    browser = requests.Session()
    browser.trust_env = False  # No proxy stands between this and the loopback address.
    page = browser.get(url, allow_redirects=False, timeout=30)
    same(page.status_code, 200)
    form = Form(page.text)
    fields = {**form.fields, "username": USER, "password": PASSWORD, "decision": decision, **sent}
    answer = browser.post(urljoin(url, form.action), data=fields, allow_redirects=False, timeout=30)
    same(answer.status_code, 303)
    return answer.headers["location"]


def query_of(url):
    return dict(parse_qsl(urlsplit(url).query))
