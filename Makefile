# SPDX-License-Identifier: Apache-2.0
#
# `make help` lists what there is to do. It needs GNU make, bash and Go; docker and kubectl only for the targets that say so.

SHELL := /usr/bin/env bash
.SHELLFLAGS := -euo pipefail -c
.DELETE_ON_ERROR:
MAKEFLAGS += --no-print-directory

VERSION ?= v0.1.0
MANAGER_IMG ?= roster-manager:$(VERSION)
PORTAL_IMG ?= roster-portal:$(VERSION)
# The program that `make docker-build` builds images with: docker, podman, nerdctl.
CONTAINER_TOOL ?= docker
# Where `make images` pushes to, such as registry.example.com/acme. Empty: nowhere.
PUSH ?=
KUBECTL ?= kubectl
# The chart that `make build-chart` packs.
CHART ?= charts/roster

# Packages, and more arguments, of `make test`: make test PACKAGES=./internal/mail TEST_ARGS='-run Relay -v'
PACKAGES ?= ./...
TEST_ARGS ?=
FUZZ_TIME ?= 20s
# Arguments of the playground: make demo DEMO_ARGS='--smtp localhost:1025'
DEMO_ARGS ?=

# The minor versions of Kubernetes that Roster supports, but for the newest, whose modules are those of hack/controlplane/go.mod.
MINORS := $(patsubst hack/controlplane/%.mod,%,$(wildcard hack/controlplane/1.*.mod))
# What depends on the version: validation, policies, permissions, controllers, the processes, and what people apply.
KUBERNETES_PACKAGES := ./internal/account ./internal/controller/... \
	./test/chart ./test/console ./test/docs ./test/e2e ./test/manifests ./test/policy ./test/schema

# Versions are pinned in hack/tools/go.mod, checksums in go.sum; go builds the tools when they are first needed.
TOOL := go tool -modfile=hack/tools/go.mod
CONTROLLER_GEN := $(TOOL) controller-gen
KUSTOMIZE := $(TOOL) kustomize
CRD_REF_DOCS := $(TOOL) crd-ref-docs
# A module of its own: what Helm requires would change the versions of the other tools.
HELM := go tool -modfile=hack/tools/helm/go.mod helm
# golangci-lint must be built by the Go that it is to understand.
GOLANGCI_LINT := bin/golangci-lint-$(shell go env GOVERSION)

LDFLAGS := -s -w -X github.com/prometheus/common/version.Version=$(VERSION)
COMMANDS := $(notdir $(patsubst %/,%,$(wildcard cmd/*/)))

# What these do does not depend on whether a file of their name exists.
.PHONY: help all generate manifests dashboards fmt vet lint lint-fix tidy \
	test test-kubernetes test-monitoring test-compat test-flux test-images test-fuzz bench demo \
	build build-installer build-krew build-chart chart docs-api docs-cli check-generated images release docker-build \
	install uninstall deploy undeploy controlplane clean freeze \
	$(COMMANDS:%=bin/%)

help: ## Show this list
	@if [ -t 1 ]; then bold=$$'\033[1m' name=$$'\033[36m' plain=$$'\033[0m'; fi; \
	awk -v bold="$${bold:-}" -v name="$${name:-}" -v plain="$${plain:-}" 'BEGIN { FS = ":.*## " } \
		/^##@ / { printf "\n%s%s%s\n", bold, substr($$0, 5), plain } \
		/^[a-zA-Z_-]+:.*## / { printf "  %s%-16s%s %s\n", name, $$1, plain, $$2 }' $(MAKEFILE_LIST)

.DEFAULT_GOAL := help

##@ Try it

demo: $(COMMANDS:%=bin/%) ## Start a real API server, the operator, the portal and a mailbox on this machine; Ctrl-C ends it
	@assets=$$(hack/controlplane.sh); KUBEBUILDER_ASSETS=$$assets exec bin/playground $(DEMO_ARGS)

##@ Develop

all: generate manifests dashboards docs-api docs-cli build-installer chart fmt lint test test-monitoring test-compat build ## Everything that a commit needs

generate: ## Write the DeepCopy methods of api/
	$(CONTROLLER_GEN) object:headerFile=hack/boilerplate.go.txt paths=./api/...

manifests: ## Write config/crd/bases, with both versions, from api/
	$(CONTROLLER_GEN) crd paths=./api/... output:crd:artifacts:config=config/crd/bases
	go run ./hack/versions config/crd/bases

dashboards: ## Write config/prometheus/dashboards
	go run -C hack/monitoring . "$(CURDIR)/config/prometheus/dashboards"

docs-api: ## Write docs/reference.md from api/
	@mkdir -p docs
	$(CRD_REF_DOCS) --log-level=WARN --source-path=api --config=hack/crd-ref-docs.yaml --renderer=markdown --output-path=docs/reference.md

docs-cli: ## Write docs/kubectl-roster.md from the help of the plugin
	@UPDATE_REFERENCE=1 go test ./internal/cli -run TestReference -count 1

build-installer: manifests ## Write dist/install.yaml: all that a cluster needs, in one file
	@mkdir -p dist
	$(KUSTOMIZE) build config/default >dist/install.yaml

chart: manifests ## Write those parts of the Helm chart that follow from config/ and values.yaml
	go run ./hack/chart

check-generated: ## Fail if a generated file does not say what its source says
	hack/check-generated.sh

fmt: $(GOLANGCI_LINT) ## Format the Go code
	$(GOLANGCI_LINT) fmt

vet: ## Run go vet
	go vet -tags bench,flux ./...

lint: $(GOLANGCI_LINT) ## Check style, size, mistakes, import directions and API conventions
	$(GOLANGCI_LINT) run
	@for module in hack/monitoring hack/compat hack/images; do (cd "$$module" && "$(CURDIR)/$(GOLANGCI_LINT)" run); done
	@for script in hack/*.sh .ci/run; do bash -n "$$script"; done
	$(TOOL) actionlint .github/workflows/*.yml
	@if command -v shellcheck >/dev/null; then shellcheck hack/*.sh .ci/run; fi

lint-fix: $(GOLANGCI_LINT) ## Let the linters fix what they can
	$(GOLANGCI_LINT) run --fix

tidy: ## Tidy every go.mod
	go mod tidy
	@for module in $(patsubst %/go.mod,%,$(wildcard hack/*/go.mod hack/*/*/go.mod)); do (cd "$$module" && go mod tidy); done
	@for minor in $(MINORS); do (cd hack/controlplane && go mod tidy -modfile="$$minor.mod"); done

$(GOLANGCI_LINT): hack/tools/lint/go.mod hack/tools/lint/go.sum hack/tools/lint/main.go
	@echo "Building golangci-lint with kube-api-linter. This takes some minutes, once." >&2
	@rm -f bin/golangci-lint-*
	go build -C hack/tools/lint -trimpath -buildvcs=false -o "$(CURDIR)/$@.part" .
	@mv $@.part $@

##@ Test

# How long etcd and kube-apiserver may take to start, on a machine that does much else.
export KUBEBUILDER_CONTROLPLANE_START_TIMEOUT ?= 5m

# The API servers of several suites run side by side, so no more than two packages at once.
test: ## Run every test but the benchmarks, on a real API server and in a real browser
	@assets=$$(hack/controlplane.sh); chromium=$$(hack/chromium.sh); peers=$$(hack/peers.sh); \
	export KUBEBUILDER_ASSETS=$$assets CHROMIUM=$$chromium ROSTER_TEST_PEERS=$$peers; \
	echo "Compiling and running the tests of $(PACKAGES). The first time, minutes pass before the first line." >&2; \
	go test -p 2 -timeout 45m $(TEST_ARGS) $(PACKAGES)

# A module of its own, with the engine of Prometheus: minutes to compile the first time.
test-monitoring: ## Check alerts and dashboards against the metrics that there are
	go test -C hack/monitoring -count 1 ./... # The cache does not notice changes in config and docs.

# The controllers of Flux take up to twenty minutes to compile the first time.
test-flux: ## Run the real controllers of Flux against the operator, through the whole life of an organisation
	@assets=$$(hack/controlplane.sh); flux=$$(hack/flux.sh); export KUBEBUILDER_ASSETS=$$assets ROSTER_TEST_FLUX=$$flux; \
	go test ./test/flux -tags flux -count 1 -timeout 20m $(TEST_ARGS)

# A module of its own, with the program that compares kinds.
test-compat: ## Fail if the kinds break what people wrote for a release that test/compat keeps
	go test -C hack/compat -count 1 ./... # The cache does not notice changes in dist and test.

# Compiles everything for two platforms: minutes, once.
test-images: ## Build the images twice, push and pull them, and run what is in them
	go test -C hack/images -count 1 -timeout 40m ./...

test-fuzz: ## Run each fuzz test for FUZZ_TIME (20s)
	@{ grep -rlE '^func Fuzz[A-Z]' --include='*_test.go' internal api || true; } | while read -r file; do \
		for name in $$(sed -nE 's/^func (Fuzz[A-Za-z0-9_]+)\(.*/\1/p' "$$file"); do \
			echo "$$name in $$(dirname "$$file")"; \
			go test "./$$(dirname "$$file")" -run '^$$' -fuzz "^$$name\$$" -fuzztime $(FUZZ_TIME); \
		done; \
	done

bench: $(COMMANDS:%=bin/%) ## Measure on a real API server; writes bin/bench.json (up to an hour)
	assets=$$(hack/controlplane.sh); export KUBEBUILDER_ASSETS=$$assets; \
	go test ./test/bench -tags bench -run TestBench -bench-report "$(CURDIR)/bin/bench.json" -timeout 60m -count 1 -v

# The newest version is that of make test. Those that are not built yet take up to half an hour each.
test-kubernetes: ## Test on MINOR of Kubernetes, such as 1.34; on all that are older than that of make test if it is empty
	@chromium=$$(hack/chromium.sh); peers=$$(hack/peers.sh); export CHROMIUM=$$chromium ROSTER_TEST_PEERS=$$peers; \
	for minor in $(or $(MINOR),$(MINORS)); do \
		assets=$$(hack/controlplane.sh $$minor); \
		echo "Kubernetes $$minor, in $$assets" >&2; \
		KUBEBUILDER_ASSETS=$$assets go test -p 2 -timeout 45m $(TEST_ARGS) $(KUBERNETES_PACKAGES); \
	done

controlplane: ## Find or build etcd, kube-apiserver and kube-controller-manager, and print their folder
	@hack/controlplane.sh

##@ Build

build: $(COMMANDS:%=bin/%) ## Build every command, statically, into bin/

# Go decides what there is to do: it knows the dependencies.
$(COMMANDS:%=bin/%): bin/%:
	@echo "Building $*" >&2
	@CGO_ENABLED=0 go build -trimpath -ldflags '$(LDFLAGS)' -o $@ ./cmd/$*
	@if [ $* = kubectl-roster ]; then ln -sf $* bin/kubectl_complete-roster; fi # kubectl asks it for completions by that name.

build-krew: ## Build the archives of the plugin and its krew manifest into bin/krew/
	hack/krew.sh $(VERSION)

build-chart: ## Build the archive of the Helm chart into bin/chart/
	@mkdir -p bin/chart
	$(HELM) package $(CHART) --version $(VERSION:v%=%) --app-version $(VERSION) --destination bin/chart

# The same commit gives the same digests, on every machine.
images: ## Build the images of manager and portal for amd64 and arm64 into bin/images/; PUSH=registry/path pushes them
	go run -C hack/images . --root "$(CURDIR)" --out "$(CURDIR)/bin/images" --version $(VERSION) --push '$(PUSH)' \
		--revision "$$(git rev-parse HEAD)" --created "$$(git log -1 --format=%ct)"

release: ## Check that everything says VERSION, and tell how to release it
	@hack/release.sh check $(VERSION)
	@echo "Everything says $(VERSION). Once this is on main: git tag -s $(VERSION) -m $(VERSION) && git push origin $(VERSION)"

# For a cluster on this machine that takes images from docker, as kind does: one platform, and nothing is pushed.
docker-build: ## Build the images of manager and portal for this machine (docker)
	$(CONTAINER_TOOL) build --build-arg BINARY=manager --build-arg VERSION=$(VERSION) -t $(MANAGER_IMG) .
	$(CONTAINER_TOOL) build --build-arg BINARY=portal --build-arg VERSION=$(VERSION) -t $(PORTAL_IMG) .

freeze: ## Keep the manifests and objects of VERSION in test/compat, so that the tests of later versions upgrade from it
	@assets=$$(hack/controlplane.sh); peers=$$(hack/peers.sh); export KUBEBUILDER_ASSETS=$$assets ROSTER_TEST_PEERS=$$peers; \
	hack/freeze.sh $(VERSION)

clean: ## Remove what was built, except the control plane and golangci-lint
	rm -rf $(COMMANDS:%=bin/%) bin/kubectl_complete-roster bin/krew bin/chart bin/compat bin/images bin/release bin/demo bin/deploy bin/bench.json

##@ Install (kubectl)

install: ## Install or update the kinds of Roster and the policies that guard them
	@for folder in crd policy; do $(KUSTOMIZE) build config/$$folder; echo ---; done | $(KUBECTL) apply --server-side -f -

uninstall: ## Remove the kinds of Roster, and with them EVERY organisation, member, invitation and account
	@for folder in crd policy; do $(KUSTOMIZE) build config/$$folder; echo ---; done | $(KUBECTL) delete --ignore-not-found -f -

# MANAGER_IMG and PORTAL_IMG are set in an overlay of their own, so that deploying leaves no trace in the checkout.
deploy: ## Install or update everything; MANAGER_IMG and PORTAL_IMG name the images
	@mkdir -p bin/deploy
	@printf '%s\n' 'apiVersion: kustomize.config.k8s.io/v1beta1' 'kind: Kustomization' 'resources: [../../config/default]' \
		'images:' "  - {name: roster-manager, $(call image,$(MANAGER_IMG))}" "  - {name: roster-portal, $(call image,$(PORTAL_IMG))}" \
		>bin/deploy/kustomization.yaml
	$(KUSTOMIZE) build bin/deploy | $(KUBECTL) apply --server-side -f -

undeploy: ## Remove manager and portal; the kinds, their policies, all objects and the three namespaces stay
	$(KUSTOMIZE) build config/default | $(KUBECTL) delete --ignore-not-found -l '!roster.dev/keep' -f -

# image splits host:port/name:tag or name@digest for kustomize.
image = $(if $(findstring @,$(1)),newName: "$(word 1,$(subst @, ,$(1)))"$(comma) digest: "$(word 2,$(subst @, ,$(1)))",$(call tagged,$(1),$(lastword $(subst /, ,$(1)))))
tagged = $(if $(findstring :,$(2)),newName: "$(patsubst %:$(lastword $(subst :, ,$(2))),%,$(1))"$(comma) newTag: "$(lastword $(subst :, ,$(2)))",newName: "$(1)"$(comma) newTag: latest)
comma := ,
