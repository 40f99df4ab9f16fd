"""Takes whatever it is sent, at once or after a set wait, so that a push measured against it shows its own cost."""

from __future__ import annotations

import argparse
import asyncio
from typing import Any

from demo.serving import listen

ANSWER = b'{"StatusCode":"1","Data":{"Status":"A"}}'


def main() -> None:
    """Run the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--database", help="not used")
    parser.add_argument("--latency", type=float, default=0.0, help="seconds to wait before each answer")
    given = parser.parse_args()

    async def app(scope: Any, receive: Any, send: Any) -> None:
        contacts, message = 0, {"more_body": True}
        body = []
        while message.get("more_body"):
            message = await receive()
            body.append(message.get("body", b""))
        contacts = b"".join(body).count(b'{"Email":')  # a quote inside of a value has a backslash
        await asyncio.sleep(given.latency)
        answer = b'{"SaveMultiContactJsonResult":{"Responses":[' + b",".join([ANSWER] * contacts) + b"]}}"
        length = str(len(answer)).encode()
        headers = [(b"content-type", b"application/json"), (b"content-length", length)]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": answer})

    listen(app)


if __name__ == "__main__":
    main()
