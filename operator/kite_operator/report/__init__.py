"""Reports of dead tokens by consumers: a POST that requests a reconcile, and gives no other right.

Only the leader can act on a report: it is kept in memory. A standby replica answers 503, so that the report is sent
again and reaches another replica behind the same Service.
"""
