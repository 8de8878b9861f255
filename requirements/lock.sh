#!/usr/bin/env bash
# Resolves pyproject.toml into hash-locked requirements files. They name no index, so that any mirror can serve them.
# With --check nothing is resolved: it fails when pyproject.toml asks for something that the locked files do not satisfy.
# What is locked stays as it is while it satisfies; with --upgrade newer versions are taken.
set -euo pipefail
cd "$(dirname "$0")/.."
if [ "${1:-}" = --check ]; then
  exec .venv/bin/python requirements/check_lock.py
fi
upgrade=()
if [ "${1:-}" = --upgrade ]; then upgrade=(--upgrade); fi
compile() {
  .venv/bin/uv pip compile --quiet "${upgrade[@]}" --generate-hashes --universal --python-version 3.11 \
    --no-emit-index-url --no-annotate --custom-compile-command "make lock" "$@"
}
compile pyproject.toml --extra operator --output-file requirements/operator.txt
compile pyproject.toml --extra operator --extra tracing --constraint requirements/operator.txt --output-file requirements/tracing.txt
compile pyproject.toml --extra operator --extra sandbox --extra tracing --group dev --output-file requirements/dev.txt
# The sandbox's image has what the sandbox imports, and not the official client that a trading pod needs.
.venv/bin/python requirements/check_lock.py --extra sandbox | compile - --constraint requirements/dev.txt --output-file requirements/sandbox.txt
