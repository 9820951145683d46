# SPDX-License-Identifier: Apache-2.0
#
# make run     build, then the main job end to end on this machine (last line: demo: ok)
# make test    every test
# make help    the rest

SHELL := /bin/bash
.DEFAULT_GOAL := help

SWIFT_FLAGS := --explicit-target-dependency-import-check error
# Two at a time, or one where this toolchain cannot be told: many tests start processes and measure time, and two cores do
# not carry all of them at once.
TEST_WIDTH = $(shell swift test --help-hidden 2>/dev/null | grep -q -e --experimental-maximum-parallelization-width \
    && echo --parallel --experimental-maximum-parallelization-width 2 || echo --no-parallel)
VENV := .venv
# Pinned, so that a client that changes is a change of this file.
PYTHON_PACKAGES := boto3==1.43.11 awscli==1.45.11 cryptography==48.0.0 prometheus_client==0.26.0
# `make install`: where to. `make deb`: where the package goes.
PREFIX := /usr/local
OUTPUT := .build
# The programs to install: built by `make programs`, unless they are elsewhere already.
BINARIES := .build/programs
# Real audit events to sign in the demo; the repository's own where there are none.
ARCHIVED_EVENTS := $(wildcard ../shared/data/systems/illuvrse/archive_go_filestore/audit_*.json)
EVENTS := $(or $(ARCHIVED_EVENTS),docs/examples/audit-events.jsonl)

# The kernel of enclave images: nitro-cli's folder.
BLOBS := /usr/share/nitro_enclaves/blobs
IMAGE := .build-image/image
# What is installed to make images of: built by `make image-program`, unless programs come from elsewhere.
IMAGE_PROGRAM = $(if $(filter .build/programs,$(BINARIES)),$(IMAGE))

.PHONY: help setup build release programs image-program install deb image image-reproducible measurements run test test-nitro test-systemd soak benchmark fuzz lint format fixtures clean

help: ## What can be made
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## (.*)/  make \1\t\2/' | expand -t 20

setup: ## Install the C libraries and tools that are missing
	@.ci/setup

$(VENV)/.complete: Makefile | setup
	@echo "setup: Python environment for the client tests ($(PYTHON_PACKAGES))"
	@python3 -m venv $(VENV)
	@$(VENV)/bin/pip install --quiet --disable-pip-version-check $(PYTHON_PACKAGES)
	@touch $@

build: setup ## Debug build
	swift build $(SWIFT_FLAGS)

release: setup ## Optimised build
	swift build -c release $(SWIFT_FLAGS)

image: setup ## Enclave image with the kernel of BLOBS=, and CONFIG= if one is to be in it; prints its PCRs
	swift build $(SWIFT_FLAGS) --product keybroker
	enclave/image/make-program $(IMAGE)
	@"$$(swift build $(SWIFT_FLAGS) --show-bin-path)/keybroker" image build --blobs $(BLOBS) \
	    --binary $(IMAGE)/keybroker-enclave $(if $(CONFIG),--config $(CONFIG)) $(IMAGE_OPTIONS) -o $(IMAGE)/keybroker.eif

image-reproducible: setup ## Two images, built in two folders, are the same bytes: a release build
	swift build $(SWIFT_FLAGS) --product keybroker
	enclave/image/check-reproducible

measurements: IMAGE_OPTIONS := --record enclave/image/measurements.json
measurements: image ## Record what the image measures, and of what it is made

programs: setup ## The programs as they are installed: optimised, with Swift's libraries in them
	@if [ "$(BINARIES)" = .build/programs ]; then \
	    swift build -c release --static-swift-stdlib --scratch-path .build/release-static $(SWIFT_FLAGS) && \
	    mkdir -p $(BINARIES) && for program in keybroker keybroker-host keybroker-enclave; do \
	        install "$$(swift build -c release --static-swift-stdlib --scratch-path .build/release-static \
	            --show-bin-path)/$$program" $(BINARIES)/ || exit 1; done; fi

image-program: ## The enclave's program for images, and the init: what `keybroker image build` takes
	@if [ "$(IMAGE_PROGRAM)" = "$(IMAGE)" ]; then enclave/image/make-program $(IMAGE); fi

install: programs image-program ## Programs, systemd units and samples, to DESTDIR and PREFIX=/usr/local
	@DESTDIR="$(DESTDIR)" PREFIX="$(PREFIX)" BINARIES="$(BINARIES)" IMAGE="$(IMAGE_PROGRAM)" \
	    NOTICES=.build/release-static/checkouts host/package/install

deb: programs image-program ## A Debian package of the same, into OUTPUT=.build
	@BINARIES="$(BINARIES)" IMAGE="$(IMAGE_PROGRAM)" OUTPUT="$(OUTPUT)" \
	    NOTICES=.build/release-static/checkouts host/package/deb

run: build ## The demo: from nothing to verified signatures, and the attacks that fail
	@"$$(swift build $(SWIFT_FLAGS) --show-bin-path)/keybroker" demo $(if $(EVENTS),--events $(EVENTS))

test: setup $(VENV)/.complete ## Every test
	PATH="$(CURDIR)/$(VENV)/bin:$$PATH" swift test $(TEST_WIDTH) $(SWIFT_FLAGS)

test-nitro: setup ## The driver, AF_VSOCK and the image on a real kernel, in QEMU with an emulated NSM (skipped without)
	Tests/Nitro/run

test-systemd: setup ## The package under a real systemd: a Debian in QEMU (skipped without; two release builds and five minutes)
	Tests/Systemd/run

# The chain in an optimised build: a million signatures are made and verified.
soak: setup $(VENV)/.complete ## What takes longer than a test run may: 200 kills, 5,000 idle clients, a chain of a million events
	PATH="$(CURDIR)/$(VENV)/bin:$$PATH" KEYBROKER_KILLS=200 KEYBROKER_CROWD=5000 KEYBROKER_RECORD=1 \
	    swift test --no-parallel $(SWIFT_FLAGS) --filter 'CrashTests|CrowdTests|ProgramTests.ExampleTests'
	KEYBROKER_TESTS=ProgramTests KEYBROKER_EVENTS=1000000 swift test -c release --scratch-path .build/soak --no-parallel \
	    $(SWIFT_FLAGS) --filter AuditSoakTests

benchmark: setup ## What verification costs, in multiples of one P-384 verification
	swift run --package-path Benchmarks -c release verification-benchmark

fuzz: setup ## Every parser against libFuzzer, SECONDS_EACH=60
	Fuzz/run $(or $(SECONDS_EACH),60)

lint: ## Formatting rules
	swift format lint --strict --parallel --recursive Package.swift Sources enclave host attestation-fixtures Tests \
	    Benchmarks/Package.swift Benchmarks/Sources Fuzz

format: ## Format in place
	swift format --in-place --parallel --recursive Package.swift Sources enclave host attestation-fixtures Tests \
	    Benchmarks/Package.swift Benchmarks/Sources Fuzz

fixtures: setup ## Make attestation-fixtures/ again
	swift run $(SWIFT_FLAGS) generate-fixtures --output attestation-fixtures

clean: ## Remove what was built
	rm -rf .build $(VENV)
