# SPDX-License-Identifier: Apache-2.0
# The front door. The build itself is meson.build; this file sets it up and gives the words to say.
#
#   make demo      see it work (installs what is missing, builds, runs)
#   make check     all tests, "N passed, N failed" at the end (installs what is missing, too)
#   make           a release build; the command is build/gw
#   make long      the full counts, results to docs/evidence; PART=x for one part
#   make bench     speed beside the peers, in the same run; BENCH="--rows grep --runs 3" as bench/run
#   make sim       one seed of a simulated cluster, SEED=n, told at length; WORKLOAD=disk-log, ...
#                  (gw sim --list), or WORKLOAD=mapreduce for a drawn job
#   make fuzz      the fuzzers, TARGET=name SECONDS=60
#   make lint      clang-tidy and clang-format, as advice
#   make install   DESTDIR and PREFIX as usual

BUILD ?= build
PREFIX ?= /usr/local
WERROR ?= true
JOBS ?= $(shell nproc)

all: $(BUILD)/build.ninja
	ninja -C $(BUILD) -j $(JOBS) products

$(BUILD)/build.ninja:
	@sh test/setup.sh --advise build
	meson setup $(BUILD) --prefix=$(PREFIX) -Dwerror=$(WERROR)

setup:
	sh test/setup.sh build

demo:
	sh test/setup.sh build
	@$(MAKE) --no-print-directory all
	sh examples/demo.sh $(BUILD)/gw

check:
	@sh test/check.sh

long:
	@sh test/long.sh $(PART)

bench:
	sh test/setup.sh bench
	@$(MAKE) --no-print-directory all
	bench/run --build $(BUILD) $(BENCH)

SEED ?= 1
WORKLOAD ?= echo-counter
sim: $(BUILD)/build.ninja
ifeq ($(WORKLOAD),mapreduce)
	ninja -C $(BUILD) -j $(JOBS) test/mapreduce-engine-job_seed_scenario
	$(BUILD)/test/mapreduce-engine-job_seed_scenario --seeds $(SEED)..$(SEED) --verbose
else
	ninja -C $(BUILD) -j $(JOBS) gw
	$(BUILD)/gw sim --workload $(WORKLOAD) --seeds $(SEED) --verbose
endif

fuzz:
	sh test/setup.sh check
	@python3 test/fuzz.py $(if $(TARGET),--target $(TARGET)) $(if $(SECONDS),--seconds $(SECONDS))

lint:
	sh test/setup.sh lint
	@$(MAKE) --no-print-directory all
	sh test/lint.sh $(BUILD)

install: $(BUILD)/build.ninja
	meson configure $(BUILD) -Dprefix=$(PREFIX)
	@$(MAKE) --no-print-directory all
	meson install -C $(BUILD) --no-rebuild

clean:
	rm -rf build build-*

.PHONY: all setup demo check long bench sim fuzz lint install clean
