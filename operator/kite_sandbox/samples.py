"""The shapes of the answers: the field names and types of the official response samples, with values of our own."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from kite_sandbox.clock import IST
from kite_sandbox.sessions import Session

_EXCHANGES = ("NSE", "BSE", "NFO", "BFO", "CDS", "BCD", "MCX", "MF")
_PRODUCTS = ("CNC", "NRML", "MIS", "BO", "CO")
_ORDER_TYPES = ("MARKET", "LIMIT", "SL", "SL-M")


def kite_time(instant: datetime) -> str:
    """Return how Kite writes a time: IST without a zone, `2024-02-29 08:15:00`."""
    return instant.astimezone(IST).strftime("%Y-%m-%d %H:%M:%S")


def short_name(client_id: str) -> str:
    """A made-up person for a client ID."""
    return f"Tester {client_id}"


def user(client_id: str) -> dict[str, Any]:
    """The fields that a profile and a session share."""
    return {
        "user_id": client_id,
        "user_type": "individual",
        "email": f"{client_id.lower()}@example.com",
        "user_name": f"{short_name(client_id)} Sandbox",
        "user_shortname": short_name(client_id),
        "broker": "ZERODHA",
        "exchanges": list(_EXCHANGES),
        "products": list(_PRODUCTS),
        "order_types": list(_ORDER_TYPES),
        "avatar_url": None,
        "meta": {"demat_consent": "physical"},
    }


def session_data(session: Session) -> dict[str, Any]:
    """The answer to an exchanged request_token."""
    return {
        **user(session.client_id),
        "api_key": session.api_key,
        "access_token": session.access_token.reveal(),
        "public_token": session.public_token.reveal(),
        "enctoken": session.enctoken.reveal(),
        "refresh_token": "" if session.refresh_token is None else session.refresh_token.reveal(),
        "silo": "",
        "login_time": kite_time(session.minted_at),
    }


def margin_segment(cash: float) -> dict[str, Any]:
    """The funds of one segment."""
    return {
        "enabled": True,
        "net": cash,
        "available": {
            "adhoc_margin": 0,
            "cash": cash,
            "opening_balance": cash,
            "live_balance": cash,
            "collateral": 0,
            "intraday_payin": 0,
        },
        "utilised": {
            "debits": 0,
            "exposure": 0,
            "m2m_realised": 0,
            "m2m_unrealised": 0,
            "option_premium": 0,
            "payout": 0,
            "span": 0,
            "holding_sales": 0,
            "turnover": 0,
            "liquid_collateral": 0,
            "stock_collateral": 0,
            "delivery": 0,
        },
    }


def order(order_id: str, client_id: str, params: Mapping[str, str], now: datetime) -> dict[str, Any]:
    """An order that the exchange has accepted and not filled."""
    quantity = int(params["quantity"])
    return {
        "placed_by": client_id,
        "order_id": order_id,
        "exchange_order_id": f"9{order_id[1:]}",
        "parent_order_id": None,
        "status": "OPEN",
        "status_message": None,
        "status_message_raw": None,
        "order_timestamp": kite_time(now),
        "exchange_update_timestamp": kite_time(now),
        "exchange_timestamp": kite_time(now),
        "variety": params["variety"],
        "modified": False,
        "exchange": params["exchange"],
        "tradingsymbol": params["tradingsymbol"],
        "instrument_token": 1,
        "order_type": params["order_type"],
        "transaction_type": params["transaction_type"],
        "validity": params.get("validity", "DAY"),
        "product": params["product"],
        "quantity": quantity,
        "disclosed_quantity": int(params.get("disclosed_quantity", "0")),
        "price": float(params.get("price", "0")),
        "trigger_price": float(params.get("trigger_price", "0")),
        "average_price": 0,
        "filled_quantity": 0,
        "pending_quantity": quantity,
        "cancelled_quantity": 0,
        "market_protection": 0,
        "meta": {},
        "tag": params.get("tag"),
        "guid": f"guid-{order_id}",
    }
