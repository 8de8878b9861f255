"""The main loop of a trading pod: works all day on the token of the mounted Secret, and waits while it is dead.

Mounted by trader.yaml. KITE_API_ROOT names another Kite than the real one, such as the sandbox of kite-operator.
"""  # noqa: INP001 - a file to copy, not a package

import logging
import os
import signal
import threading

from kiteconnect import KiteConnect
from kiteconnect.exceptions import KiteException, TokenException
from requests import RequestException

import kite_token

BETWEEN_ROUNDS_S = 60.0
BETWEEN_LOOKS_S = 5.0
LOOKS = 60

log = logging.getLogger("trader")


def trade(kite: KiteConnect) -> None:
    """One round: your strategy goes here, and calls the client as if the token never changed."""
    cash = kite.margins("equity")["available"]["live_balance"]
    log.info("cash %.2f, orders today %d", cash, len(kite.orders()))


def wait_for_token(folder: kite_token.TokenFolder, refused: kite_token.Token, stopping: threading.Event) -> None:
    """Look at the folder, without asking Kite, until it holds another token; after five minutes ask all the same.

    Kite may accept the same token again: a lapsed subscription is refused in the same way, and then paid.
    """
    for _ in range(LOOKS):
        if folder.changed(refused) or stopping.wait(BETWEEN_LOOKS_S):
            return


def main() -> None:
    """Trade until the pod is told to stop."""
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(message)s")
    stopping = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: stopping.set())
    folder = kite_token.TokenFolder()
    kite = folder.client(root=os.environ.get("KITE_API_ROOT"))
    while not stopping.is_set():
        token = folder.token()
        try:
            trade(kite)
        except TokenException:
            log.warning("Kite refuses %s: waiting for the next", token)
            wait_for_token(folder, token, stopping)
        except (KiteException, RequestException) as error:  # says nothing about the token: the next round may do better
            log.warning("this round failed: %s", type(error).__name__)
            stopping.wait(BETWEEN_ROUNDS_S)
        else:
            stopping.wait(BETWEEN_ROUNDS_S)


if __name__ == "__main__":
    main()
