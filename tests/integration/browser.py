"""Chromium without a window, driven through two pipes: what it says of a page, and how that looks."""

import base64
import fcntl
import json
import os
import shutil
import subprocess
import tempfile
import time
from pathlib import Path
from typing import Any

CHROMIUM = next(
    filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None
)
SECONDS = 60  # that an answer may take
SETTLED = 0.3  # seconds without a word after which a page is taken to be at rest
ASIDE = ("data:", "blob:", "about:")  # what a page holds itself

# Every figure of the page, with what is folded away unfolded; parts of a figure without size (an empty
# one has none), and how much wider than its window the page is.
LOOK = """(() => {
  document.querySelectorAll('details').forEach(part => { part.open = true; });
  const seen = element => {
    const box = element.getBoundingClientRect(), style = getComputedStyle(element);
    return box.width > 0 && box.height > 0 && style.visibility === 'visible' && style.opacity > 0;
  };
  const inked = figure => figure.tagName === 'IMG'
    ? figure.complete && figure.naturalWidth > 0
    : [...figure.querySelectorAll('path, use, image, rect, circle, line, text')].some(part => {
        const box = part.getBoundingClientRect();
        return box.width > 0 || box.height > 0;
      });
  const figures = [...document.querySelectorAll('svg, img')].filter(one => !one.parentElement.closest('svg'));
  const page = document.documentElement;
  return {
    figures: figures.length,
    missing: figures.filter(one => !seen(one) || !inked(one)).map(one => one.outerHTML.slice(0, 200)),
    excess: page.scrollWidth - page.clientWidth,
  };
})()"""


def _pipe() -> list[int]:
    """Both ends of a pipe, with numbers that are out of the way of 3 and 4."""
    ends = []
    for low in os.pipe():
        ends.append(fcntl.fcntl(low, fcntl.F_DUPFD_CLOEXEC, 10))
        os.close(low)
    return ends


class Browser:
    """A Chromium that reaches nothing outside; `faults` and `requests` of the page that is open.

    It speaks the DevTools protocol through file descriptors 3 and 4 (`--remote-debugging-pipe`), one
    JSON message after the other, each ended by a zero byte.
    """

    def __init__(self) -> None:
        to_read, self._send = _pipe()
        self._receive, to_write = _pipe()
        self._profile = tempfile.TemporaryDirectory(ignore_cleanup_errors=True)
        flags = [
            *("--headless", "--no-sandbox", "--disable-gpu", "--remote-debugging-pipe"),
            *("--disable-dev-shm-usage", "--hide-scrollbars", "--no-first-run"),
            "--host-resolver-rules=MAP * ~NOTFOUND",
            f"--user-data-dir={self._profile.name}",
        ]
        command = f'exec "$0" "$@" 3<&{to_read} 4>&{to_write}'
        self._process = subprocess.Popen(
            ["bash", "-c", command, str(CHROMIUM), *flags],
            pass_fds=(to_read, to_write),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        os.close(to_read)
        os.close(to_write)
        os.set_blocking(self._receive, False)
        self._rest, self._last, self._session = b"", 0, ""
        self._events: list[dict[str, Any]] = []
        target = self.call("Target.createTarget", url="about:blank")["targetId"]
        attached = self.call("Target.attachToTarget", targetId=target, flatten=True)
        self._session = attached["sessionId"]
        for domain in ("Page", "Runtime", "Log", "Network"):
            self.call(f"{domain}.enable")

    def close(self) -> None:
        """End the browser and forget its profile."""
        self._process.terminate()
        self._process.wait()
        os.close(self._send)
        os.close(self._receive)
        self._profile.cleanup()

    def call(self, method: str, **parameters: Any) -> dict[str, Any]:
        """The result of a command; what happens meanwhile is kept as events."""
        self._last += 1
        message = {"id": self._last, "method": method, "params": parameters}
        message |= {"sessionId": self._session} if self._session else {}
        os.write(self._send, json.dumps(message).encode() + b"\0")
        end = time.monotonic() + SECONDS
        while time.monotonic() < end:
            for answer in self._read():
                if answer.get("id") == self._last:
                    assert "error" not in answer, (method, answer["error"])
                    return answer["result"]
                self._events.append(answer)
            time.sleep(0.01)
        raise TimeoutError(f"Chromium did not answer {method}")

    def _read(self) -> list[dict[str, Any]]:
        """The messages that have come in whole."""
        try:
            while part := os.read(self._receive, 1 << 20):
                self._rest += part
        except BlockingIOError:
            pass
        *whole, self._rest = self._rest.split(b"\0")
        return [json.loads(one) for one in whole]

    def rest(self, event: str | None = None) -> None:
        """Wait until `event` came, if one is named, and then until the page is at rest."""
        end, quiet = time.monotonic() + SECONDS, time.monotonic()
        while time.monotonic() < end:
            new = self._read()
            self._events += new
            quiet = time.monotonic() if new else quiet
            come = event is None or any(one.get("method") == event for one in self._events)
            if come and time.monotonic() - quiet > SETTLED:
                return
            time.sleep(0.02)
        raise TimeoutError(f"Chromium told of no {event}")

    def click(self, element: str) -> None:
        """Click what a JavaScript expression gives, and wait until the page is at rest."""
        self.run(f"({element}).dispatchEvent(new MouseEvent('click', {{bubbles: true}}))")
        self.rest()

    def open(self, page: Path, width: int, height: int = 900) -> None:
        """Load a file in a window of so many pixels and wait until it is at rest."""
        self.call(
            "Emulation.setDeviceMetricsOverride",
            width=width,
            height=height,
            deviceScaleFactor=1,
            mobile=False,
        )
        self._events.clear()
        self.call("Page.navigate", url=page.resolve().as_uri())
        self.rest("Page.loadEventFired")

    def run(self, script: str) -> Any:
        """The value of an expression in the page; its promise is awaited."""
        answer = self.call(
            "Runtime.evaluate", expression=script, returnByValue=True, awaitPromise=True
        )
        assert "exceptionDetails" not in answer, answer["exceptionDetails"]
        return answer["result"].get("value")

    @property
    def faults(self) -> list[str]:
        """Errors of scripts and of the browser since the page was opened."""
        self._events += self._read()
        found = []
        for event in self._events:
            given = event.get("params", {})
            match event.get("method"):
                case "Runtime.exceptionThrown":
                    thrown = given["exceptionDetails"]
                    found.append(thrown.get("exception", {}).get("description", thrown["text"]))
                case "Runtime.consoleAPICalled" if given["type"] in ("error", "assert"):
                    found.append(json.dumps(given["args"])[:300])
                case "Log.entryAdded" if given["entry"]["level"] == "error":
                    found.append(f"{given['entry']['text']} {given['entry'].get('url', '')}")
        return found

    @property
    def requests(self) -> list[str]:
        """What was asked for beside the page and what it holds itself."""
        self._events += self._read()
        sent = [
            event["params"]
            for event in self._events
            if event.get("method") in ("Network.requestWillBeSent", "Network.webSocketCreated")
        ]
        urls = [one["request"]["url"] if "request" in one else one["url"] for one in sent]
        return [url for url in urls[1:] if not url.startswith(ASIDE)]

    def save_screenshot(self, path: Path) -> None:
        """Write the whole page, as high as it is, as PNG."""
        size = self.call("Page.getLayoutMetrics")["cssContentSize"]
        clip = {"x": 0, "y": 0, "width": size["width"], "height": size["height"], "scale": 1}
        answer = self.call("Page.captureScreenshot", captureBeyondViewport=True, clip=clip)
        path.write_bytes(base64.b64decode(answer["data"]))
