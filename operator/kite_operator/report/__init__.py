"""Consumers report a dead token: a POST that asks the operator to look, and gives no right to anything else.

Only the process that does the work can act on a report: it is kept in memory. A second replica that stands by must
answer 503, so that the report is made again, or be left out of the Service.
"""
