"""Broker access: the web login, the official client behind an adapter, TOTP codes and the rate limit.

Nothing foreign leaves this package: no exception, text, header or body of the broker or of a library. It returns typed
values, and raises errors of `kite_operator.model.errors` (P4).
"""
