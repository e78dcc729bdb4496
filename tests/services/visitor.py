"""As much of a browser as it takes to sign in and open a socket: cookies, redirects, forms."""

from __future__ import annotations

import http.cookiejar
import re
import urllib.parse
import urllib.request

from websockets.sync.client import ClientConnection, connect


class Visitor:
    """Somebody at the desk whose address is `desk` (with a scheme, without a slash at the end)."""

    def __init__(self, desk: str) -> None:
        self.desk = desk
        self.cookies = http.cookiejar.CookieJar()
        self.opener = urllib.request.build_opener(urllib.request.HTTPCookieProcessor(self.cookies))

    def sign_in(self, name: str, *, password: str) -> None:
        self.post("/accounts/login/", username=name, password=password)
        assert "sessionid" in {cookie.name for cookie in self.cookies}, f"{name} could not sign in"

    def get(self, path: str) -> str:
        with self.opener.open(self.desk + path, timeout=10) as answer:
            return str(answer.read().decode())

    def form(self, path: str) -> str:
        """The token of a page's forms."""
        token = re.search(r'name="csrfmiddlewaretoken" value="(\w+)"', self.get(path))
        assert token, f"{path} has no form"
        return token[1]

    def post(self, path: str, *, form_on: str | None = None, **fields: str) -> str:
        """Send the fields as a form; its token comes from the page at `form_on`, or at `path` itself."""
        body = urllib.parse.urlencode({**fields, "csrfmiddlewaretoken": self.form(form_on or path)}).encode()
        with self.opener.open(self.desk + path, data=body, timeout=10) as answer:
            return str(answer.read().decode())

    def socket(self, *, at: str | None = None) -> ClientConnection:
        """The desk's live socket; `at` is another server of the same deployment."""
        desk = at or self.desk
        cookies = "; ".join(f"{cookie.name}={cookie.value}" for cookie in self.cookies)
        headers = {"Cookie": cookies, "Origin": re.sub(r"(//[^/]+).*", r"\1", desk)}
        return connect(desk.replace("http", "ws", 1) + "/ws/", additional_headers=headers, open_timeout=10)
