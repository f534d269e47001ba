# Windfirm. Two commands matter: `make run` and `make test`. Each does all of its own set-up; see deploy/make/.
SHELL := /bin/bash
.DEFAULT_GOAL := help
export CARGO_TERM_COLOR ?= auto

.PHONY: help run build test lint unit browser bench bench-cluster k6 front cluster cluster-down cluster-test chart chart-install image setup clean

help: ## Say what there is
	@grep -hE '^[a-z0-9-]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*## /\t/' | expand -t 14

run: ## Build what is missing, then serve the demo and print its URL
	@deploy/make/run.sh

build: ## Build both halves and k6
	@deploy/make/build.sh

test: ## Run every test, install what is missing for it, end with counts
	@deploy/make/test.sh

lint: ## Formatting, lints, bans, dependencies, style sheets
	@deploy/make/lint.sh

unit: ## Tests of the crates (SQLite, PostgreSQL, real k6)
	@deploy/make/unit.sh

browser: ## Tests in a real browser
	@deploy/make/browser.sh

bench: ## Measure, and write BENCHMARKS.md
	@deploy/make/bench.sh

bench-cluster: ## The part of it that needs a Kubernetes, alone
	@deploy/make/bench-cluster.sh

k6: ## Build the pinned k6
	@deploy/make/k6.sh

front: ## Build the browser half
	@deploy/make/front.sh

cluster-test: ## Only the tests that need a Kubernetes: that one, or CLUSTER=context of your kubeconfig
	@deploy/make/cluster.sh

cluster: ## Bring up a real Kubernetes for tests (Linux, root)
	@deploy/cluster/up.sh

cluster-down: ## Take that Kubernetes away
	@deploy/cluster/down.sh

chart: ## Lint and render the Helm chart; before an API server, where one is up
	@deploy/make/chart.sh

chart-install: ## Install the portal by its chart into that Kubernetes, and use it there
	@deploy/make/chart-install.sh

image: ## Make the images of the portal and of runners, without an image tool
	@deploy/container/build.sh
	@deploy/container/runner.sh

clean: ## Remove what was built here (not the shared cache)
	@[ ! -d .windfirm/cluster ] || deploy/cluster/down.sh
	rm -rf target .windfirm end2end/node_modules end2end/output
