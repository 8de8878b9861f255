"""Runs in a pod beside the trader: asks Kite every half second with the mounted token, and tells what changes."""

import json
import os
import time

from kiteconnect.exceptions import KiteException
from requests import RequestException

import kite_token


def main() -> None:
    kite = kite_token.connect(root=os.environ["KITE_API_ROOT"])
    before = ""
    while True:
        try:
            kite.profile()
            answer = "good"
        except (KiteException, RequestException) as error:
            answer = type(error).__name__
        if answer != before:
            print(json.dumps({"at": time.time(), "answer": answer}), flush=True)  # noqa: T201 - what it is for
        before = answer
        time.sleep(0.5)


if __name__ == "__main__":
    main()
