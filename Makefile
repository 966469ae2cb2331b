# SPDX-License-Identifier: Apache-2.0
# What people type. Everything else is CMake (CMakePresets.json).
#   make demo   the main job on a real model and real data, with a report to open
#   make test   build and run every test
#   make build  leaves the command at build/release/octet
.DEFAULT_GOAL := build
.PHONY: setup build demo test asan conformance bench clean

JOBS ?= $(shell nproc)

setup:
	@scripts/setup.sh

build: setup
	@echo "octet: building build/release/octet"
	@cmake --preset release > build/configure.log 2>&1 || { cat build/configure.log; exit 1; }
	@ninja -C build/release -j $(JOBS) --quiet

demo: build
	@scripts/demo.sh

test: build
	@echo "octet: running all tests"
	@scripts/litert_venv.sh
	@ctest --test-dir build/release --output-on-failure -LE long

asan: setup
	@echo "octet: tests under the address and undefined-behaviour sanitizers"
	@cmake --preset asan > build/configure-asan.log 2>&1 || { cat build/configure-asan.log; exit 1; }
	@ninja -C build/asan -j $(JOBS) --quiet octet_tests octet octet_conformance
	@ctest --test-dir build/asan --output-on-failure -R unit

conformance: build
	@build/release/octet_conformance ../shared/conformance/ops ../shared/zoo/models

clean:
	rm -rf build demo-out
