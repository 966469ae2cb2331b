# SPDX-License-Identifier: Apache-2.0
# What people type. Everything else is CMake (CMakePresets.json).
#   make demo   the main job on a real model and real data, with a report to open
#   make test   build and run every test
#   make build  leaves the command at build/release/octet
#   make compare  latency beside LiteRT
#   make bench MODELS="a.tflite ..."  latency, load, first inference and peak memory beside LiteRT, OpenVINO, MNN (float) and, with a .onnx beside, ONNX Runtime; THREADS=2; ISA=avx2: all of them as on a core with AVX2 only
#   make wheel  the Python package, in dist/
#   make runtime OPS=FILE_OR_NAMES  a library of these operators only, in build/runtime
#   make package  everything that is installed, in dist/
#   make jar    the Java package, in dist/ (needs a JDK)
#   make asan   unit tests and operators' vectors under the sanitizers, in build/asan
#   make conformance  every operator and model of ../shared, where it is
#   make clean  build and demo-out away
.DEFAULT_GOAL := build
.PHONY: setup build demo test asan conformance compare bench wheel jar package runtime clean

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
	@scripts/triton_venv.sh
	@scripts/coreml_venv.sh
	@ctest --test-dir build/release --output-on-failure -LE long

asan: setup
	@echo "octet: tests under the address and undefined-behaviour sanitizers"
	@cmake --preset asan > build/configure-asan.log 2>&1 || { cat build/configure-asan.log; exit 1; }
	@ninja -C build/asan -j $(JOBS) --quiet octet_tests octet octet_conformance
	@LSAN_OPTIONS=suppressions=$(CURDIR)/tests/leaks.supp ctest --test-dir build/asan --output-on-failure -R 'unit|op_vectors'

conformance: build
	@build/release/octet_conformance ../shared/conformance/ops ../shared/zoo/models

# Latency beside LiteRT, on the demo's models and, where they are, the shared ones.
compare: build
	@scripts/litert_venv.sh
	@build/litert-venv/bin/python scripts/compare_litert.py build/release/octet $(wildcard demo-out/float.tflite demo-out/int8.tflite ../shared/zoo/perf/mlperf_*.tflite ../shared/zoo/perf/mobilenet_v[12]_*.tflite)

# All models of ../shared, where it is, unless MODELS names others.
THREADS ?= 1
MODELS ?= $(wildcard ../shared/zoo/perf/*.tflite)
BENCH_ENV = $(if $(filter avx2,$(ISA)),PYTHONPATH=build/bench-avx2 LD_PRELOAD=$(CURDIR)/build/bench-avx2/as_avx2.so OCTET_ISA=avx2)
bench: build
	@test -n "$(MODELS)" || { echo 'octet: make bench MODELS="model.tflite ..."'; exit 1; }
	@scripts/bench_venv.sh $(ISA)
	@$(BENCH_ENV) build/bench-venv/bin/python scripts/bench_peers.py build/release/octet $(MODELS) --threads $(THREADS) --json build/bench.json

wheel: setup
	@echo "octet: packing the Python wheel into dist/"
	@test -x build/wheel-venv/bin/pip || python3 -m venv build/wheel-venv
	@CC=cc CXX=c++ CMAKE_GENERATOR=Ninja build/wheel-venv/bin/pip wheel -q --no-deps -w dist bindings/python

jar: setup
	@command -v javac > /dev/null || { echo "octet: make jar needs a JDK (Debian: openjdk-17-jdk-headless)"; exit 1; }
	@echo "octet: packing the Java classes and their library into dist/"
	@mkdir -p dist
	@cmake --preset release > build/configure.log 2>&1 || { cat build/configure.log; exit 1; }
	@ninja -C build/release -j $(JOBS) --quiet octet_jar octet_telemetry_jar
	@v=$$(sed -n 's/^project(octet VERSION \([0-9.]*\).*/\1/p' CMakeLists.txt); for n in lite telemetry; do cp build/release/java/octet-$$n.jar dist/octet-$$n-$$v.jar; done

runtime: setup
	@test -n "$(OPS)" || { echo 'octet: make runtime OPS="conv_2d;softmax", or OPS=ops.txt as octet package writes it'; exit 1; }
	@echo "octet: building the runtime of these operators in build/runtime"
	@cmake -S . -B build/runtime -G Ninja -DCMAKE_BUILD_TYPE=MinSizeRel -DOCTET_TOOLS=OFF -DOCTET_TESTS=OFF -DCMAKE_INTERPROCEDURAL_OPTIMIZATION=ON -DOCTET_ISA=avx2 "-DOCTET_OPS=$(if $(wildcard $(OPS)),$(abspath $(OPS)),$(OPS))" > build/configure.log 2>&1 || { cat build/configure.log; exit 1; }
	@ninja -C build/runtime -j $(JOBS) --quiet octet_shared octet_static
	@strip --strip-unneeded -o build/runtime/liboctet-stripped.so build/runtime/liboctet.so
	@ls -l build/runtime/liboctet-stripped.so | awk '{print "octet: " $$9 ", " $$5 " bytes"}'

package: build wheel jar
	@scripts/package.sh

clean:
	rm -rf build demo-out
