# One command each: `make demo`, `make test`, `make check`, `make test-fast`. Everything that they need they set up themselves.
SHELL := /bin/bash
.DEFAULT_GOAL := help
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
REQUIREMENTS := requirements/dev.txt
STAMP := $(VENV)/.installed-$(shell cat $(REQUIREMENTS) pyproject.toml | sha256sum | cut -c1-16)
KEEP ?=
# Some machines set it. Every start of Python would then compile our modules, and pytest rewrite every test file, anew.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: help setup e2e nodes debian-programs tools prometheus chromium alerts dashboards demo test screenshots dashboard-pictures test-fast test-dates check format lock calendar chart manifest sbom licences audit release-prepare release-check release-package bench image images clean

help:  ## Show the commands
	@grep -hE '^[a-z0-9-]+:.*##' $(MAKEFILE_LIST) | awk -F':.*## ' '{printf "  make %-18s %s\n", $$1, $$2}'

$(STAMP): $(REQUIREMENTS) pyproject.toml
	@echo "Setting up Python packages in $(VENV) (about half a minute the first time)…"
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes --requirement $(REQUIREMENTS)
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	@rm -f $(VENV)/.installed-* && touch $@

setup: $(STAMP)  ## Install the Python packages into .venv

tools: setup  ## Build the control plane's programs, both Helms, kubeconform and actionlint into the cache, where they are missing
	@$(BIN)/python -m devcluster fetch
	@$(BIN)/python -m devcluster fetch helm helm3 kubeconform gitops-health actionlint > /dev/null

prometheus: setup  ## Bring promtool, Prometheus and Alertmanager for the tests, where they are missing (Debian's, unpacked into the cache)
	@$(BIN)/python -m alerts fetch

chromium:  ## Install the Debian package chromium, where it is missing (for tests/browser)
	@bash tools/chromium.sh

TARGET ?= operator
image: setup  ## Build an image into the cache, without a registry (TARGET=sandbox, TRACING=1; see docs/install.md)
	@$(BIN)/python -m image $(TARGET) $(if $(TRACING),--requirements tracing.txt)

images: setup  # for the tests; without root those that need an image are skipped, and say so
	@if [ "$$(id -u)" -eq 0 ]; then $(BIN)/python -m image --quiet operator sandbox > /dev/null; fi

demo: setup  ## See it work, from nothing to a refreshed token (KEEP=1 leaves it up)
	@$(BIN)/python -m devcluster fetch $(if $(KEEP),,etcd kube-apiserver kubectl)
	@PYTHONPATH=tests $(BIN)/python -m demo $(if $(KEEP),--keep)

WORKERS ?= 5
JUDGES := tests/cluster/test_rights_of_the_whole_suite.py
TRAIL := .make/audit-trail
test: setup  ## The whole test suite, in WORKERS processes side by side
	@$(MAKE) --no-print-directory --jobs=3 nodes check
	@rm -rf $(TRAIL)
	@$(BIN)/python -m pytest --numprocesses=$(WORKERS) --audit-trail=$(TRAIL) --ignore=$(JUDGES)
	@$(BIN)/python -m pytest --audit-trail=$(TRAIL) $(JUDGES)

# Two chains that wait for different things: one compiles, one downloads. Nodes need both.
debian-programs: setup
	@$(MAKE) --no-print-directory chromium
	@$(MAKE) --no-print-directory prometheus
	@$(MAKE) --no-print-directory images

nodes: tools debian-programs
	@if $(BIN)/python -m node check; then $(BIN)/python -m node fetch > /dev/null; \
	elif [ "$$E2E" = required ]; then exit 1; \
	else echo "make test: TESTS/E2E IS LEFT OUT, for the reason above"; fi

e2e: setup  ## A real node, end to end: from an installed chart to a pod that trades (needs root; about ten minutes from nothing)
	@$(BIN)/python -m node check
	@$(BIN)/python -m node fetch > /dev/null
	@$(BIN)/python -m devcluster fetch helm > /dev/null
	@E2E=required $(BIN)/python -m pytest tests/e2e -s

screenshots: tools chromium  ## Renew the pictures of the login page in docs/img
	@SCREENSHOTS=docs/img $(BIN)/python -m pytest tests/browser/test_screenshots.py -q

dashboard-pictures: tools chromium prometheus  ## Renew the pictures of the dashboards in docs/img
	@DASHBOARD_PICTURES=docs/img $(BIN)/python -m pytest tests/alerts/test_dashboards.py -q

test-fast: setup  ## Unit and contract tests, under a minute
	@$(BIN)/python -m pytest --numprocesses=3 tests/unit tests/contract

test-dates: tools  ## What depends on the date, on nine of them: a Sunday, a holiday, a leap day, … (a quarter of an hour)
	@$(BIN)/python -m dates

check: setup  ## Lint, types, layers, and generated files in sync
	@$(BIN)/ruff format --check --quiet . || { echo "make format mends the formatting"; exit 1; }
	@$(BIN)/ruff check --quiet .
	@$(BIN)/mypy --no-error-summary
	@$(BIN)/lint-imports --no-logo --config pyproject.toml > .make-lint-imports.log 2>&1 || { cat .make-lint-imports.log; exit 1; }
	@rm -f .make-lint-imports.log
	@bash requirements/lock.sh --check
	@$(BIN)/python -m trading_days --check
	@$(BIN)/python -m alerts --check
	@$(BIN)/python -m dashboards --check
	@$(BIN)/python -m chart --check
	@$(BIN)/python -m supply_chain check
	@$(BIN)/python -m release check
	@$(BIN)/zizmor --offline --no-progress .github > .make-zizmor.log 2>&1 || { cat .make-zizmor.log; exit 1; }
	@rm -f .make-zizmor.log
	@$(BIN)/check-jsonschema --quiet --builtin-schema vendor.github-workflows .github/workflows/*.yml
	@$(BIN)/check-jsonschema --quiet --builtin-schema vendor.github-issue-forms .github/ISSUE_TEMPLATE/bug.yml
	@$(BIN)/check-jsonschema --quiet --builtin-schema vendor.renovate renovate.json
	@echo "check: formatting, lint, types, layers, locked requirements, trading days, alert rules, dashboards, the chart,"; echo "       licences, the version and workflows are in order"

format: setup  ## Format the code and mend what the linter can
	@$(BIN)/ruff format --quiet .
	@$(BIN)/ruff check --quiet --fix .

lock: setup  ## Resolve the dependencies anew and write the hash-locked requirements files (UPGRADE=1 takes newer versions)
	@bash requirements/lock.sh $(if $(UPGRADE),--upgrade)
	@$(MAKE) --no-print-directory licences

calendar: setup  ## Write anew which days the operator knows as trading days, from the locked exchange-calendars
	@$(BIN)/python -m trading_days

alerts: setup  ## Write the alert rules in their three forms (INTO, RUNBOOK and DATASOURCE: see docs/monitoring.md)
	@$(BIN)/python -m alerts $(if $(INTO),--into $(INTO)) $(if $(RUNBOOK),--runbook $(RUNBOOK)) $(if $(DATASOURCE),--datasource $(DATASOURCE))
	@$(if $(INTO),true,$(BIN)/python -m chart)

dashboards: setup  ## Write the Grafana dashboards (INTO and RUNBOOK: see docs/monitoring.md)
	@$(BIN)/python -m dashboards $(if $(INTO),--into $(INTO)) $(if $(RUNBOOK),--runbook $(RUNBOOK))

chart: setup  ## Write anew what in the chart is made of the settings, deploy/ and values.yaml
	@$(BIN)/python -m chart

manifest: tools  ## Write deploy/base and its overlays from the chart, and the install in one file, dist/kite-operator.yaml
	@$(BIN)/python -m chart --manifests

sbom: setup  ## Write what the images must hold into dist/, as CycloneDX (ARCHIVE: what a saved image holds)
	@$(BIN)/python -m supply_chain bom $(if $(ARCHIVE),--archive $(ARCHIVE))

licences: setup  ## Write the list of the locked distributions' licences, docs/licences.md
	@$(BIN)/python -m supply_chain licences

audit: setup  ## Ask OSV what is known against the locked distributions (SERVICE: a mirror of it); needs the internet
	@$(BIN)/python -m supply_chain audit $(if $(SERVICE),--service $(SERVICE))

release-prepare: setup  ## Write VERSION wherever the version stands, and cut the changelog
	@$(BIN)/python -m release prepare $(VERSION)
	@$(BIN)/python -m chart

release-check: setup  ## Tell where the version is not VERSION, or not the same everywhere
	@$(BIN)/python -m release check $(VERSION)

release-package: tools  ## Write the chart, the install manifest and the wheel into dist/, with IMAGE and SANDBOX_IMAGE by digest
	@$(BIN)/python -m release package --kite-operator $(IMAGE) --kite-operator-sandbox $(SANDBOX_IMAGE)

bench: tools  ## Measure: from kubectl apply to the derived Secret, and memory
	@$(BIN)/python -m pytest tests/bench -q -s

clean:  ## Remove the virtual environment and caches of this checkout
	@rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
