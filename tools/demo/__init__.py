"""`make demo`: the whole product on one machine, told in plain words, each step shown and then verified.

A real control plane, a fake Kite (the sandbox), the sample of deploy/samples and the operator. Nothing outside loopback
is touched, and nothing is left behind.
"""
