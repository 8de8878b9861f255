"""Consumers report a dead token: a POST that asks the operator to look, and gives no right to anything else.

Only the process that does the work can act on a report: it is kept in memory. A replica that stands by answers 503, so
that the report is made again, and meets another replica behind the same Service.
"""
