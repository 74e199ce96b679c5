# quorate: the targets a developer types. `make help` lists them.
#
# The extension itself is built by pgxs.mk. This file adds what PGXS lacks: the plain C library of the folders that
# know nothing of PostgreSQL, the test suites, the demonstration and the benchmark. Unit tests, interaction scripts
# and the simulator need only gcc, make and protobuf-c; no PostgreSQL.

SHELL = /bin/bash
PG_CONFIG ?= pg_config

.DEFAULT_GOAL = all
.DELETE_ON_ERROR:
include extension/wire/protobuf.mk

# ---------------------------------------------------------------- the extension

PGXS_TARGETS = all install uninstall installdirs installcheck
.PHONY: $(PGXS_TARGETS)
$(PGXS_TARGETS):
	@$(MAKE) --no-print-directory -f pgxs.mk $@ PG_CONFIG='$(PG_CONFIG)'

# ---------------------------------------------------------------- the plain C library, once a variant
#
# A variant is a set of compiler flags with a folder of its own below build/:
#   san   AddressSanitizer and UndefinedBehaviorSanitizer: what the tests run
#   opt   optimized over all files, without sanitizers: what the simulator runs for speed
#   any other name takes its flags from VARIANT_CFLAGS: mutants, coverage

PURE_FOLDERS = core item capacity routing wire log replication
VARIANT ?= san
BUILD = build/$(VARIANT)

VARIANT_CFLAGS_san = -O1 -g -fsanitize=address,undefined -fno-sanitize-recover=all -fno-omit-frame-pointer
VARIANT_CFLAGS_opt = -O3 -g -flto=auto -ffat-lto-objects
VARIANT_CFLAGS ?= $(VARIANT_CFLAGS_$(VARIANT))

PURE_CFLAGS = -std=gnu11 -Wall -Wextra -Werror -D_GNU_SOURCE -I extension -I tests $(VARIANT_CFLAGS)
PURE_LIBS = -lprotobuf-c -lm -pthread

PURE_SOURCES = $(sort $(wildcard $(PURE_FOLDERS:%=extension/%/*.c)) $(PB_SOURCES))
PURE_LIBRARY = $(BUILD)/libquorate_pure.a

# Flags of a variant are remembered in a file, so that changing them rebuilds it.
FLAGS_FILE = $(BUILD)/cflags
ifneq ($(strip $(PURE_CFLAGS)),$(strip $(file <$(FLAGS_FILE))))
$(shell mkdir -p $(BUILD))
$(file >$(FLAGS_FILE),$(PURE_CFLAGS))
endif

$(BUILD)/%.o: %.c $(FLAGS_FILE) | $(PB_SOURCES)
	@mkdir -p $(@D)
	@echo "CC $(VARIANT) $<"
	@$(CC) $(PURE_CFLAGS) $(if $(filter %.pb-c.c,$<),-w) -MMD -MP -c -o $@ $<

objects = $(patsubst %.c,$(BUILD)/%.o,$(1))

$(PURE_LIBRARY): $(call objects,$(PURE_SOURCES))
	@rm -f $@
	@ar rcs $@ $^

link = @mkdir -p $(@D); echo "LD $(VARIANT) $@"; $(CC) $(PURE_CFLAGS) -o $@ $(filter %.o,$^) $(filter %.a,$^) $(PURE_LIBS)

-include $(shell find build -name '*.d' 2>/dev/null)

# ---------------------------------------------------------------- test programs without a server

UNIT_TESTS = $(sort $(wildcard tests/unit/test_*.c))
CHECKER_HELPER = tests/unit/history_helper.c
UNIT_HELPERS = $(filter-out $(UNIT_TESTS) $(CHECKER_HELPER),$(sort $(wildcard tests/unit/*.c)))
UNIT_PROGRAMS = $(UNIT_TESTS:tests/unit/%.c=$(BUILD)/unit/%)

# What unit tests and the simulator share: the simulated disk.
SUPPORT_SOURCES = $(sort $(wildcard tests/support/*.c))

$(UNIT_PROGRAMS): $(BUILD)/unit/%: $(BUILD)/tests/unit/%.o $(call objects,$(UNIT_HELPERS) $(SUPPORT_SOURCES)) $(PURE_LIBRARY)
	$(link)

# The history checkers are a library of the tests, of the simulator and of the tools, with unit tests of their own.
CHECKER_SOURCES = $(sort $(wildcard tests/tools/history.c tests/tools/linear_*.c tests/tools/session_*.c))
CHECKER_LIBRARY_SOURCES = $(filter-out %_main.c,$(CHECKER_SOURCES))
CHECKER_TESTS = test_linear_check test_linear_random test_session_check
$(CHECKER_TESTS:%=$(BUILD)/unit/%): $(call objects,$(CHECKER_LIBRARY_SOURCES) $(CHECKER_HELPER))

# So are the checkers of the simulator.
SIM_CHECKER_SOURCES = $(sort $(wildcard tests/sim/check_*.c)) tests/sim/sim_random.c tests/sim/sim_util.c
$(BUILD)/unit/test_sim_checkers: $(call objects,$(SIM_CHECKER_SOURCES) $(CHECKER_LIBRARY_SOURCES))

# One program for each fuzzed reader: tests/fuzz/fuzz_X.c with the driver.
FUZZ_DRIVER = tests/fuzz/fuzz_main.c
FUZZ_PROGRAMS = $(patsubst tests/fuzz/%.c,$(BUILD)/fuzz/%,$(filter-out $(FUZZ_DRIVER),$(sort $(wildcard tests/fuzz/fuzz_*.c))))

$(FUZZ_PROGRAMS): $(BUILD)/fuzz/%: $(BUILD)/tests/fuzz/%.o $(call objects,$(FUZZ_DRIVER)) $(PURE_LIBRARY)
	$(link)

INTERACTION_SOURCES = $(sort $(wildcard tests/interaction/*.c))
INTERACTION_SCRIPTS = $(sort $(wildcard tests/interaction/*.txt))
INTERACTION_RUNNER = $(BUILD)/interaction/run

$(INTERACTION_RUNNER): $(call objects,$(INTERACTION_SOURCES)) $(PURE_LIBRARY)
	$(link)

SIM_SOURCES = $(sort $(wildcard tests/sim/*.c))
SIM_PROGRAM = $(BUILD)/sim/quorate_sim

$(SIM_PROGRAM): $(call objects,$(SIM_SOURCES) $(SUPPORT_SOURCES) $(CHECKER_LIBRARY_SOURCES)) $(PURE_LIBRARY)
	$(link)

.PHONY: library unit-programs fuzz-programs interaction-runner sim-program
library: $(PURE_LIBRARY)
unit-programs: $(UNIT_PROGRAMS)
fuzz-programs: $(FUZZ_PROGRAMS)
interaction-runner: $(INTERACTION_RUNNER)
sim-program: $(SIM_PROGRAM)

# ---------------------------------------------------------------- suites
#
# Each suite prints TAP or pg_regress lines and leaves its counts in build/results/SUITE, from which `check` makes
# its closing line. A suite of which no file exists yet says so and counts nothing.

# make sim: SEEDS is how many seeds are run; N=12345 replays that seed alone.
SEEDS ?= 200
N ?=
TESTS ?=

SUITES = unit fuzz interaction mutants sim model-short regress tap tidy

.PHONY: unit fuzz interaction sim regress tap check check-long mutants
unit: unit-programs
	@tests/run/suite.pl unit $(if $(TESTS),$(TESTS:%=$(BUILD)/unit/%),$(UNIT_PROGRAMS))

fuzz: fuzz-programs
	@tests/run/suite.pl fuzz $(if $(TESTS),$(TESTS:%=$(BUILD)/fuzz/%),$(FUZZ_PROGRAMS))

interaction: $(if $(INTERACTION_SOURCES),interaction-runner)
	@tests/run/suite.pl interaction --exec '$(INTERACTION_RUNNER)' $(or $(TESTS),$(INTERACTION_SCRIPTS))

sim:
	@$(if $(SIM_SOURCES),$(MAKE) --no-print-directory sim-program VARIANT=$(or $(SIM_VARIANT),opt))
	@SEEDS='$(SEEDS)' N='$(N)' tests/run/sim.sh build/$(or $(SIM_VARIANT),opt)/sim/quorate_sim

regress: private-install
	@tests/run/server_suite.sh regress $(TESTS)

tap: private-install tools $(if $(TESTS),$(if $(filter 073_%,$(TESTS)),other-releases),other-releases)
	@tests/run/server_suite.sh tap $(TESTS)

check:
	@tests/run/check.sh $(SUITES)

check-long:
	@SEEDS=$${SEEDS:-100000} QUORATE_TEST_LONG=1 tests/run/check.sh $(SUITES:model-short=model) sim-san

.PHONY: sim-san
sim-san:
	@$(MAKE) --no-print-directory sim SIM_VARIANT=san SEEDS=$$(( $(SEEDS) / 20 + 1 )) SUITE=sim-san

# Every planted bug (a build flag MUTANT_... of the real files) has to be caught by the interaction scripts that name
# it and by the simulator.
MUTANT_CHECKS = $(wildcard tests/interaction/check_mutants.sh tests/sim/run_mutants.sh)
mutants: $(PB_SOURCES)
	@QUORATE_TEST_LIMIT_S=3600 tests/run/suite.pl mutants $(if $(MUTANT_CHECKS),--exec bash $(MUTANT_CHECKS))

# Every state of small models of the rules, and every bug planted in them. TESTS= names models or planted bugs.
.PHONY: model model-short
model:
	@QUORATE_TEST_LIMIT_S=7200 tests/run/suite.pl model --exec 'bash tests/model/run.sh' $(or $(TESTS),all)

model-short:
	@QUORATE_TEST_LIMIT_S=3600 tests/run/suite.pl model-short --exec 'bash tests/model/run.sh' short

# A copy of the PostgreSQL installation with the extension in it; nothing is written below /usr.
.PHONY: private-install
private-install: all
	@+tests/run/private_install.sh '$(PG_CONFIG)'

# For the test of upgrades: the release before the present one, and the one after the next.
.PHONY: other-releases
other-releases: private-install
	@+tests/run/other_release.sh '$(PG_CONFIG)' before 0.0 none 1
	@+tests/run/other_release.sh '$(PG_CONFIG)' beyond 0.2 0.1 3

# ---------------------------------------------------------------- tools of the TAP tests and of the demonstration

TOOLS_SOURCES = $(sort $(wildcard tests/tools/*.c))
TOOL_MAINS = $(patsubst tests/tools/%_main.c,%,$(filter %_main.c,$(TOOLS_SOURCES)))
TOOLS = $(TOOL_MAINS:%=build/tools/%)
TOOLS_CFLAGS = -std=gnu11 -O2 -g -Wall -Wextra -Werror -D_GNU_SOURCE -I tests \
	-I$(shell $(PG_CONFIG) --includedir 2>/dev/null)

# A loss of power is played by a library that is preloaded into a server, and a program that takes back what was
# not synced; faults of disk and clock by another library; those of the network by a switch between the nodes.
FAULT_TOOLS = $(if $(wildcard tests/fault/poweroff.h),build/tools/poweroff_shim.so build/tools/poweroff_restore) \
	$(if $(wildcard tests/fault/fault.h),build/tools/fault_shim.so build/tools/node_network)

.PHONY: tools
tools: $(TOOLS) $(FAULT_TOOLS)
build/tools/%: tests/tools/%_main.c $(filter-out %_main.c,$(TOOLS_SOURCES)) $(wildcard tests/tools/*.h)
	@mkdir -p $(@D)
	@echo "CC tools $@"
	@$(CC) $(TOOLS_CFLAGS) -o $@ $(filter %.c,$^) -lpq -pthread -lm

build/tools/poweroff_shim.so: tests/fault/poweroff_shim.c tests/fault/poweroff.h tests/fault/shim.h
	@mkdir -p $(@D)
	@echo "CC tools $@"
	@$(CC) $(TOOLS_CFLAGS) -fPIC -shared -o $@ $< -ldl

build/tools/fault_shim.so: tests/fault/fault_disk.c tests/fault/fault_clock.c tests/fault/fault.h tests/fault/shim.h
	@mkdir -p $(@D)
	@echo "CC tools $@"
	@$(CC) $(TOOLS_CFLAGS) -fPIC -shared -o $@ $(filter %.c,$^) -ldl

build/tools/node_network: tests/fault/node_network_main.c
	@mkdir -p $(@D)
	@echo "CC tools $@"
	@$(CC) $(TOOLS_CFLAGS) -o $@ $<

build/tools/poweroff_restore: tests/fault/poweroff_restore_main.c tests/fault/poweroff.h
	@mkdir -p $(@D)
	@echo "CC tools $@"
	@$(CC) $(TOOLS_CFLAGS) -o $@ $<

# ---------------------------------------------------------------- demonstration and benchmark

.PHONY: demo demo-stop bench bench-quick bench-scale
demo:
	@tests/demo/demo.sh

demo-stop:
	@tests/demo/demo.sh stop

bench: private-install tools
	@tests/bench/bench.sh $(BENCH)

bench-quick: private-install tools
	@tests/bench/bench.sh --quick $(BENCH)

bench-scale: private-install tools
	@tests/bench/scale.sh $(BENCH)

# make drill FAULTS="kill_leader full_disk" plays a part of it.
FAULTS ?=
.PHONY: drill
drill: private-install tools
	@tests/bench/drill.sh $(FAULTS)

# ---------------------------------------------------------------- source form

OUR_SOURCES = $(shell git ls-files -co --exclude-standard -- 'extension/*.[ch]' 'tests/*.[ch]' 2>/dev/null)

.PHONY: indent indent-check tidy coverage
indent:
	clang-format -i $(OUR_SOURCES)

indent-check:
	clang-format --dry-run -Werror $(OUR_SOURCES)

tidy:
	@tests/run/suite.pl tidy --exec perl tests/run/tidy.pl

coverage:
	@$(MAKE) --no-print-directory unit VARIANT=coverage VARIANT_CFLAGS='-O0 -g --coverage'
	@tests/run/coverage.sh build/coverage

# ---------------------------------------------------------------- the rest

.PHONY: clean distclean help
clean:
	@if [ -f build/demo/scratch ]; then tests/demo/demo.sh stop; fi
	@$(MAKE) --no-print-directory -f pgxs.mk clean PG_CONFIG='$(PG_CONFIG)' || true
	rm -rf build tmp_install tmp_check results

distclean: clean

help:
	@cat tests/run/help.txt
