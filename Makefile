# SPDX-License-Identifier: Apache-2.0
#
# podonym: one Makefile for everything. `make help` lists the targets.
#
#   MODE=release|debug|asan|tsan   what to build; each has its own folder below build/
#   V=1                            show the commands
#   CROSS=aarch64-linux-gnu        build for another processor, see agent/README.md

MODE ?= release
MODES := release debug asan tsan coverage fuzz
ifeq ($(filter $(MODE),$(MODES)),)
$(error MODE=$(MODE): use one of $(MODES))
endif

# The tuple of the machine that it is built for, where that is another one.
CROSS ?=
B := build/$(MODE)$(CROSS:%=-%)
V ?= 0
Q := $(if $(filter 1,$(V)),,@)
say = $(if $(filter 1,$(V)),@:,@printf '  %-8s %s\n' "$(1)" "$(2)")

# Every processor, unless told otherwise.
ifeq ($(MAKELEVEL)$(filter -j%,$(MAKEFLAGS)),0)
MAKEFLAGS += -j$(shell nproc)
endif
MAKEFLAGS += --no-print-directory

CC := $(if $(filter default,$(origin CC)),$(if $(CROSS),$(CROSS)-gcc,cc),$(CC))
CLANG ?= clang
AR := $(if $(filter default,$(origin AR)),$(CROSS:%=%-)ar,$(AR))
# On Ubuntu 24.04 bpftool is one for each kernel, any of which will do.
BPFTOOL ?= $(firstword $(wildcard /usr/lib/linux-tools/*/bpftool /usr/sbin/bpftool) bpftool)
OBJCOPY ?= $(CROSS:%=%-)objcopy
PKG_CONFIG := $(CROSS:%=PKG_CONFIG_LIBDIR=/usr/lib/%/pkgconfig:/usr/share/pkgconfig) pkg-config
VERSION ?= $(shell git describe --tags --always --dirty 2>/dev/null || echo unknown)
PREFIX ?= /usr/local
# Of the library; the number in its name changes with what no longer works for a program built before.
LIB_VERSION := 0.1.0
LIB_ABI := 0

# --- what is built -------------------------------------------------------------------------------

# Each folder is an archive; it may use those left of it. tests/unit/FOLDER links only them.
FOLDERS := base kube index datapath flow policy export serve daemon cmd

PKGS_base :=
PKGS_kube := libcurl libuv jansson yaml-0.1 liburcu-bp
PKGS_index := liburcu-qsbr liburcu-cds
PKGS_datapath := libbpf libnl-route-3.0
PKGS_flow :=
PKGS_policy := jansson
PKGS_export := sqlite3 rdkafka libcurl zlib
PKGS_serve := libuv jansson libmicrohttpd gnutls
PKGS_daemon := libuv jansson libcap-ng libseccomp
PKGS_cmd := libuv jansson yaml-0.1 ncursesw

# What only the unit tests of a folder need: the test server speaks TLS by itself, and protobuf.
TEST_LIBS_kube := -lssl -lcrypto -lprotobuf-c
# And a collector that speaks HTTP.
TEST_LIBS_export := -lmicrohttpd

# --- this machine --------------------------------------------------------------------------------

# What this machine's compiler and libraries want, asked once. Made again when the compiler is
# another one or a package is missing (which installs it); make then starts over with the new file.
CONFIG := $(B)/config.mk
ifneq ($(filter-out clean help deps test,$(or $(MAKECMDGOALS),all)),)
include $(CONFIG)
MISSING := $(shell .ci/deps --missing build)
endif

$(CONFIG): Makefile .ci/deps $(if $(MISSING)$(filter-out $(CONFIG_CC),$(CC)),FORCE)
	@.ci/deps build
	@mkdir -p $(@D)
	@{ \
	echo 'CONFIG_CC := $(CC)'; \
	echo "PROBED :=" $$(for flag in $(WANTED); do \
		$(CC) -Werror $$flag -c -x c /dev/null -o /dev/null 2>/dev/null && echo $$flag; done); \
	$(foreach f,$(FOLDERS),$(if $(PKGS_$(f)), \
		echo "CFLAGS_$(f) :=" $$($(PKG_CONFIG) --cflags $(PKGS_$(f))); \
		echo "LIBS_$(f) :=" $$($(PKG_CONFIG) --libs $(PKGS_$(f)));)) \
	} >$@.tmp && mv $@.tmp $@

# --- flags ---------------------------------------------------------------------------------------

WARN := -Wall -Wextra -Werror -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Wcast-qual -Wvla \
	-Wformat=2 -Wnull-dereference
# -Wnull-dereference follows inlined paths that the instrumentation makes up; and what it finds in
# those of optimised code is another thing with each release of the compiler.
WARN_release := -Wno-error=null-dereference
WARN_asan := -Wno-null-dereference
WARN_tsan := -Wno-null-dereference
WARN_coverage := -Wno-null-dereference

# PIC and not PIE, because the lower folders are a shared library as well.
HARDEN := -fstack-protector-strong -fPIC
LDHARDEN := -pie -Wl,-z,relro,-z,now,-z,noexecstack
# Where the compiler knows them. The =3 keeps clang away: it does not read uthash's comments.
WANTED := -fstack-clash-protection -fcf-protection=full -ftrivial-auto-var-init=zero \
	-Wimplicit-fallthrough=3

MODE_release := -O2 -g -D_FORTIFY_SOURCE=3
MODE_debug := -O0 -g3
MODE_asan := -O1 -g -fsanitize=address,undefined -fno-sanitize-recover=all -fno-omit-frame-pointer
MODE_tsan := -O1 -g3 -fsanitize=thread -fno-omit-frame-pointer
MODE_coverage := -O0 -g --coverage -fprofile-update=atomic
MODE_fuzz := $(MODE_asan) -fsanitize=fuzzer-no-link

CPPFLAGS += -D_GNU_SOURCE -Iagent -Iinclude -I. -I$(B)
LIB_CFLAGS = $(sort $(foreach f,$(FOLDERS),$(CFLAGS_$(f))))
CFLAGS_ALL = -std=gnu11 $(WARN) $(WARN_$(MODE)) $(HARDEN) $(PROBED) $(MODE_$(MODE)) $(LIB_CFLAGS) $(CFLAGS)
LDFLAGS_ALL = $(filter -fsanitize=% --coverage,$(MODE_$(MODE))) $(LDHARDEN) $(LDFLAGS)

MACHINE := $(or $(CROSS),$(shell uname -m)-linux-gnu)
BPF_ARCH := $(shell echo $(MACHINE) | sed 's/-.*//; s/x86_64/x86/; s/aarch64/arm64/')
BPF_CFLAGS := -std=gnu11 -target bpf -mcpu=v2 -D__TARGET_ARCH_$(BPF_ARCH) -g -O2 -Wall -Wextra -Werror \
	-Iinclude -I. -idirafter /usr/include/$(MACHINE)

# --- rules ---------------------------------------------------------------------------------------

.DEFAULT_GOAL := all
.PHONY: all
all: $(B)/podonym lib ## build the agent and the library: build/release/podonym, libpodonym-informer.*

upto = $(if $(filter $(1),$(firstword $(2))),$(1),$(firstword $(2)) $(call upto,$(1),$(wordlist 2,99,$(2))))
reverse = $(if $(1),$(call reverse,$(wordlist 2,99,$(1))) $(firstword $(1)))
# Folders that folder $(1) may use, the lowest last; their archives; the libraries they need.
below = $(call reverse,$(call upto,$(1),$(FOLDERS)))
archives = $(patsubst %,$(B)/%.a,$(call below,$(1)))
libs = $(foreach f,$(call below,$(1)),$(LIBS_$(f))) -lpthread

define folder_rules
$(B)/$(1).a: $(patsubst %.c,$(B)/%.o,$(filter-out %/main.c,$(wildcard agent/$(1)/*.c agent/$(1)/*/*.c)))
	$$(call say,AR,$$@)
	$$(Q)rm -f $$@ && $$(AR) rcs $$@ $$^

$(B)/tests/unit/$(1)/%: $(B)/tests/unit/$(1)/%.o $(call archives,$(1))
	$$(call say,LINK,$$@)
	$$(Q)$$(CC) $$(LDFLAGS_ALL) -o $$@ $$^ $$(call libs,$(1)) $$(TEST_LIBS_$(1)) -lcmocka
endef
$(foreach f,$(FOLDERS),$(eval $(call folder_rules,$(f))))

$(B)/podonym: $(B)/agent/cmd/main.o $(call archives,cmd)
	$(call say,LINK,$@)
	$(Q)$(CC) $(LDFLAGS_ALL) -o $@ $^ $(call libs,cmd)

$(B)/%.o: %.c $(CONFIG)
	$(call say,CC,$<)
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(CPPFLAGS) $(CFLAGS_ALL) -MMD -MP -c -o $@ $<

# The version changes without a source file changing.
$(B)/version: FORCE
	@mkdir -p $(@D)
	@echo '$(VERSION)' | cmp -s - $@ || echo '$(VERSION)' >$@
$(B)/agent/base/version.o: $(B)/version
# It takes the page's files as they are.
$(B)/agent/serve/page_files.o: $(wildcard agent/serve/page/*)
$(B)/agent/base/version.%: CPPFLAGS += -DPN_VERSION='"$(VERSION)"'

# BPF: the object is the same in every mode; the skeleton embeds it. Linking leaves DWARF out, which
# nobody reads there: what the kernel and bpftool show of a program is in its BTF.
$(B)/bpf/%.bpf.o: bpf/%.bpf.c $(CONFIG)
	$(call say,BPF,$<)
	$(Q)mkdir -p $(@D)
	$(Q)$(CLANG) $(BPF_CFLAGS) -MMD -MP -MF $(@:.o=.d) -MT $@ -c -o $@.tmp $<
	$(Q)$(BPFTOOL) gen object $@ $@.tmp && rm $@.tmp

$(B)/bpf/%.skel.h: $(B)/bpf/%.bpf.o
	$(call say,SKEL,$@)
	$(Q)$(BPFTOOL) gen skeleton $< name pn_$*_bpf >$@.tmp && mv $@.tmp $@

$(B)/agent/datapath/tracer_load.o: $(B)/bpf/flow.skel.h
$(B)/agent/datapath/drops.o: $(B)/bpf/drop.skel.h

# A program that is not podonym's and looks names up, by the public headers alone.
EXAMPLE := $(B)/tests/bpf/drop_counter
$(B)/tests/bpf/%.bpf.o: tests/bpf/%.bpf.c $(CONFIG)
	$(call say,BPF,$<)
	$(Q)mkdir -p $(@D)
	$(Q)$(CLANG) $(filter-out -I.,$(BPF_CFLAGS)) -MMD -MP -MF $(@:.o=.d) -MT $@ -c -o $@ $<

$(B)/tests/bpf/%.skel.h: $(B)/tests/bpf/%.bpf.o
	$(call say,SKEL,$@)
	$(Q)$(BPFTOOL) gen skeleton $< name $*_bpf >$@.tmp && mv $@.tmp $@

$(EXAMPLE).o: $(EXAMPLE).skel.h
$(EXAMPLE).o: CPPFLAGS := -D_GNU_SOURCE -Iinclude -I$(B)
$(EXAMPLE): $(EXAMPLE).o
	$(call say,LINK,$@)
	$(Q)$(CC) $(LDFLAGS_ALL) -o $@ $^ $(LIBS_datapath)

$(B)/tests/unit/datapath/test_maps_layout.o: $(B)/tests/bpf/layout.skel.h
$(B)/tests/unit/datapath/test_lookup.o: $(B)/tests/bpf/lookup.skel.h

# The library is the two lowest folders. In both of its forms only what the map names can be seen.
LIB := $(B)/libpodonym-informer
LIB_MAP := agent/kube/libpodonym-informer.map
LIB_LIBS = $(LIBS_kube) -lpthread
whole = -Wl,--whole-archive $(1) -Wl,--no-whole-archive

.PHONY: lib
lib: $(LIB).a $(LIB).so.$(LIB_ABI) $(B)/podonym-informer.pc

$(LIB).so.$(LIB_ABI): $(call archives,kube) $(LIB_MAP)
	$(call say,LINK,$@)
	$(Q)$(CC) -shared $(filter-out -pie,$(LDFLAGS_ALL)) -Wl,-soname,$(@F) -Wl,--version-script=$(LIB_MAP) \
		$(if $(filter -fsanitize=%,$(LDFLAGS_ALL)),,-Wl,--no-undefined) \
		-o $@ $(call whole,$(filter %.a,$^)) $(LIB_LIBS)
	$(Q)ln -sf $(@F) $(LIB).so

$(LIB).a: $(call archives,kube) $(LIB_MAP)
	$(call say,AR,$@)
	$(Q)sed -n 's/^\t\(pn_.*\);/\1/p' $(LIB_MAP) >$(B)/public-symbols
	$(Q)$(CC) -r -nostdlib -o $(B)/informer.o $(call whole,$(filter %.a,$^))
	$(Q)$(OBJCOPY) --keep-global-symbols=$(B)/public-symbols $(B)/informer.o
	$(Q)rm -f $@ && $(AR) rcs $@ $(B)/informer.o

$(B)/podonym-informer.pc: agent/kube/podonym-informer.pc.in Makefile FORCE
	$(Q)sed 's|@PREFIX@|$(PREFIX)|; s|@VERSION@|$(LIB_VERSION)|' $< >$@

.PHONY: install install-agent install-lib deb
install: install-agent install-lib ## install agent, library and headers below DESTDIR and PREFIX (/usr/local)

# A program for another processor cannot be asked for its manual pages.
install-agent: $(B)/podonym
	install -D -m 755 $(B)/podonym $(DESTDIR)$(PREFIX)/bin/podonym
	ln -sf podonym $(DESTDIR)$(PREFIX)/bin/kubectl-podonym
	install -d $(DESTDIR)$(PREFIX)/lib/systemd/system
	sed 's|/usr/bin/podonym|$(PREFIX)/bin/podonym|' deploy/systemd/podonym.service \
		>$(DESTDIR)$(PREFIX)/lib/systemd/system/podonym.service
	$(if $(CROSS),,deploy/words $(B)/podonym $(DESTDIR)$(PREFIX)/share)

install-lib: lib
	install -D -m 755 $(LIB).so.$(LIB_ABI) $(DESTDIR)$(PREFIX)/lib/libpodonym-informer.so.$(LIB_ABI)
	ln -sf libpodonym-informer.so.$(LIB_ABI) $(DESTDIR)$(PREFIX)/lib/libpodonym-informer.so
	install -m 644 $(LIB).a $(DESTDIR)$(PREFIX)/lib/
	install -D -m 644 $(B)/podonym-informer.pc $(DESTDIR)$(PREFIX)/lib/pkgconfig/podonym-informer.pc
	install -d $(DESTDIR)$(PREFIX)/include/podonym
	install -m 644 include/podonym/*.h $(DESTDIR)$(PREFIX)/include/podonym/

deb: $(B)/podonym deps-deb ## a Debian package of the agent: build/release/podonym_*.deb
	$(Q)rm -rf $(B)/deb $(B)/*.deb
	$(Q)$(MAKE) PREFIX=/usr DESTDIR=$(CURDIR)/$(B)/deb install-agent
	$(Q)deploy/deb/build $(B)/podonym $(VERSION) $(B)/deb $(B)

# --- tests ---------------------------------------------------------------------------------------

UNITS := $(patsubst %.c,$(B)/%,$(wildcard tests/unit/*/test_*.c))
$(UNITS:=.o): | deps-test

# The tests' own encoder of the API's messages; what protoc-c writes follows no rules of ours.
PROTO := $(B)/tests/proto/api.pb-c
$(PROTO).c: tests/proto/api.proto | deps-test
	$(call say,PROTOC,$@)
	$(Q)mkdir -p $(@D) && protoc-c --proto_path=$(<D) --c_out=$(@D) $<
$(PROTO).h: $(PROTO).c ;
$(PROTO).o: $(PROTO).c
	$(Q)$(CC) $(CFLAGS_ALL) -w -c -o $@ $<
USE_PROTO := $(patsubst %,$(B)/tests/unit/kube/test_%,decode decode_policy wire wire_memory status)
$(USE_PROTO:=.o): $(PROTO).h
$(USE_PROTO): $(PROTO).o

TESTAPI := $(B)/tests/tools/podonym-testapi
$(TESTAPI): $(patsubst %.c,$(B)/%.o,$(wildcard tests/tools/testapi*.c)) $(B)/base.a
	$(call say,LINK,$@)
	$(Q)$(CC) $(LDFLAGS_ALL) -o $@ $^ -lmicrohttpd -ljansson -lpthread

# What the behaviour suites share: a scripted API server and a recorder of what an informer says.
BEHAVIOUR := $(patsubst %,$(B)/tests/unit/kube/%.o,behaviour scripted_server scripted_objects)
$(patsubst %.c,$(B)/%,$(wildcard tests/unit/kube/test_behaviour_*.c)) $(patsubst %,$(B)/tests/unit/kube/test_%,factory snapshot snapshot_refuse): $(BEHAVIOUR)

# A program over the library's public face alone, for tests that drive informers from outside.
SHELL_PROGRAM := $(B)/tests/tools/informer-shell
$(SHELL_PROGRAM): $(patsubst %.c,$(B)/%.o,tests/tools/informer_shell.c $(wildcard tests/tools/shell_*.c)) $(LIB).a
	$(call say,LINK,$@)
	$(Q)$(CC) $(LDFLAGS_ALL) -o $@ $^ $(LIB_LIBS)

.PHONY: informer-shell
informer-shell: $(SHELL_PROGRAM) ## informers behind a line protocol: build/release/tests/tools/informer-shell

# Sends packets of every kind, for tests that hold the records against a capture.
PACKET_GEN := $(B)/tests/tools/packet-gen
$(PACKET_GEN): $(patsubst %.c,$(B)/%.o,$(wildcard tests/tools/packet_*.c))
	$(call say,LINK,$@)
	$(Q)$(CC) $(LDFLAGS_ALL) -o $@ $^

# Drops packets as network plugins do.
DROP_BY := $(B)/tests/tools/drop-by
$(DROP_BY): $(B)/tests/tools/drop_by.o
	$(call say,LINK,$@)
	$(Q)$(CC) $(LDFLAGS_ALL) -o $@ $^ $(LIBS_datapath)

# Made-up records for sinks, for tests with real receivers.
SINK_FEED := $(B)/tests/tools/sink-feed
$(SINK_FEED): $(B)/tests/tools/sink_feed.o $(call archives,export)
	$(call say,LINK,$@)
	$(Q)$(CC) $(LDFLAGS_ALL) -o $@ $^ $(call libs,export)

# A thousand clients that mean harm.
HOSTILE := $(B)/tests/tools/hostile
$(HOSTILE): $(B)/tests/tools/hostile.o
	$(call say,LINK,$@)
	$(Q)$(CC) $(LDFLAGS_ALL) -o $@ $^

# The scenarios of the informers' behaviour use the library as a stranger does: its public face alone.
BEHAVIOUR := $(patsubst %,$(B)/tests/unit/kube/%.o,behaviour scripted_server scripted_objects)
$(BEHAVIOUR): | deps-test
$(B)/tests/unit/kube/test_behaviour_%: $(B)/tests/unit/kube/test_behaviour_%.o $(BEHAVIOUR) $(LIB).a
	$(call say,LINK,$@)
	$(Q)$(CC) $(LDFLAGS_ALL) -o $@ $^ $(LIB_LIBS) -lcmocka

.PHONY: test check check-asan check-tsan check-valgrind check-bats check-kernel
test: ## install, build and run all tests of this machine; the last line is the count
	+@tests/tools/test

check: $(UNITS) ## run the unit tests
	$(Q)tests/tools/run-units $(UNITS)

check-asan check-tsan: check-%: ## ... under AddressSanitizer and UBSan, ThreadSanitizer
	$(Q)$(MAKE) MODE=$* check

# A test that brings its own malloc() keeps it. liburcu's thread is never joined: possibly lost.
VALGRIND := valgrind -q --error-exitcode=9 --leak-check=full --show-leak-kinds=definite \
	--errors-for-leak-kinds=definite --soname-synonyms=somalloc=nouserintercepts \
	--suppressions=tests/tools/valgrind.supp
check-valgrind: $(UNITS) deps-valgrind ## ... under valgrind's memcheck
	$(Q)WRAPPER='$(VALGRIND)' tests/tools/run-units $(UNITS)

check-bats: $(B)/podonym $(TESTAPI) $(EXAMPLE) $(PACKET_GEN) $(DROP_BY) $(SINK_FEED) $(HOSTILE) deps-test ## run the tests with packets and a cluster (root)
	$(Q)tests/tools/run-bats

check-kernel: $(filter $(B)/tests/unit/datapath/%,$(UNITS)) ## run the tests of the kernel programs in kernels from 5.10 to the newest
	$(Q)tests/kernel/run

# --- fuzzing, figures, coverage ------------------------------------------------------------------

# make fuzz T=NAME: libFuzzer with all of the agent's archives.
SECS ?= 60
FUZZERS := $(patsubst tests/fuzz/fuzz_%.c,%,$(wildcard tests/fuzz/fuzz_*.c))
$(B)/tests/fuzz/fuzz_%: $(B)/tests/fuzz/fuzz_%.o $(call archives,cmd)
	$(call say,LINK,$@)
	$(Q)$(CC) -fsanitize=fuzzer $(LDFLAGS_ALL) -o $@ $^ $(call libs,cmd)

.PHONY: fuzz fuzz-all
fuzz: deps-fuzz ## fuzz one target: make fuzz T=NAME SECS=60
	$(Q)$(if $(filter $(T),$(FUZZERS)),,echo "T=$(T): use one of $(FUZZERS)" >&2; exit 2)
	$(Q)$(MAKE) MODE=fuzz CC=$(CLANG) build/fuzz/tests/fuzz/fuzz_$(T)
	$(Q)tests/tools/fuzz $(T) $(SECS)

fuzz-all: ## fuzz each target, one after the other, SECS each
	$(Q)for t in $(FUZZERS); do $(MAKE) fuzz T=$$t || exit 1; done

BENCHES := $(patsubst %.c,$(B)/%,$(wildcard tests/bench/bench_*.c))
$(B)/tests/bench/%: $(B)/tests/bench/%.o $(call archives,serve)
	$(call say,LINK,$@)
	$(Q)$(CC) $(LDFLAGS_ALL) -o $@ $^ $(call libs,serve)

# What the programs are compared with.
$(B)/tests/bench/bench_packets.o $(B)/tests/bench/traffic_programs.o: $(B)/tests/bpf/empty.skel.h
$(B)/tests/bench/traffic_programs.o: $(B)/tests/bpf/counter.skel.h
$(B)/tests/bench/bench_drops.o: $(B)/tests/bpf/empty_drop.skel.h

# tests/bench/accuracy drives it: short-lived pods on the same addresses.
$(B)/tests/bench/accuracy_pods: $(B)/tests/bench/pod_network.o
ACCURACY := $(B)/tests/bench/accuracy_pods

# tests/bench/traffic and tests/bench/soak_flows drive them: who sends, who receives, what programs cost.
TRAFFIC := $(patsubst %,$(B)/tests/bench/traffic_%,gen sink programs)

# tests/bench/drops_flood drives it, and traffic_programs.
DROPS_GEN := $(B)/tests/bench/drops_gen

# tests/bench/soak drives it: informers, by the library's public face alone, on a server in trouble.
SOAK := $(B)/tests/bench/soak_informer
$(SOAK): $(B)/tests/bench/soak_informer.o $(LIB).a
	$(call say,LINK,$@)
	$(Q)$(CC) $(LDFLAGS_ALL) -o $@ $^ $(LIB_LIBS)

.PHONY: bench soak coverage
soak: $(SOAK) ## informers held to their word, for tests/bench/soak: build/release/tests/bench/soak_informer

bench: $(BENCHES) $(ACCURACY) $(TRAFFIC) $(DROPS_GEN) $(SINK_FEED) $(B)/podonym $(TESTAPI) $(B)/tests/bpf/drop_counter ## measure
	$(Q)for b in $(BENCHES); do echo "$${b##*/}"; $$b || exit 1; done
	$(Q)echo accuracy; tests/bench/accuracy $(B)
	$(Q)echo kills; tests/bench/kills $(B)
	$(Q)echo traffic; tests/bench/traffic $(B)
	$(Q)echo drops_flood; tests/bench/drops_flood $(B)
	$(Q)echo soak_flows; tests/bench/soak_flows $(B)
	$(Q)echo sinks; tests/bench/sinks $(B)
	$(Q)echo policy flows; tests/bench/policy_flows $(B)
	$(Q)echo informers; tests/bench/informers $(B)/tests/bench/bench_informer

coverage: deps-coverage ## which lines the unit tests do not reach
	$(Q)$(MAKE) MODE=coverage check
	$(Q)gcovr --root . --filter agent/ build/coverage

# --- lint ----------------------------------------------------------------------------------------

C_FILES = $(shell git ls-files '*.c' '*.h')
AGENT_C := $(wildcard agent/*/*.c agent/*/*/*.c)

.PHONY: lint lint-units lint-format lint-tidy lint-analyzer lint-cppcheck lint-shell lint-headers lint-layers lint-deploy lint-deb
lint: lint-format lint-shell lint-layers lint-headers lint-deploy lint-deb lint-cppcheck lint-tidy lint-analyzer lint-units ## all linters

lint-format: deps-lint
	$(Q)clang-format --dry-run -Werror $(C_FILES)

lint-shell: deps-lint
	$(Q)tests/tools/lint-shell

lint-layers:
	$(Q)tests/tools/lint-layers

lint-headers: deps-lint
	$(Q)tests/tools/lint-headers $(CPPFLAGS) $(LIB_CFLAGS)

lint-deploy: deps-lint
	$(Q)tests/tools/lint-deploy $(B)/lint-deploy

lint-deb: deb deps-lint
	$(Q)lintian --allow-root --fail-on error,warning $(B)/podonym_*.deb

# What systemd takes the unit for, and how exposed it thinks that it is, of 100: capabilities, netlink
# and the host's network have to be.
lint-units: $(B)/podonym deps-lint
	$(Q)mkdir -p $(B)/units
	$(Q)sed 's|/usr/bin/podonym|$(abspath $<)|' deploy/systemd/podonym.service >$(B)/units/podonym.service
	$(Q)systemd-analyze verify --man=no $(B)/units/podonym.service
	$(Q)systemd-analyze security --offline=true --threshold=30 --no-pager $(B)/units/podonym.service >/dev/null

lint-cppcheck: deps-lint
	$(Q)cppcheck --quiet --error-exitcode=1 --std=c11 --enable=warning,performance,portability \
		--inline-suppr --suppressions-list=.ci/cppcheck-suppressions \
		$(addprefix --include=/usr/include/,uthash.h utlist.h bpf/libbpf_common.h) -Iagent -Iinclude -I. agent

# Stamps, so that only what has changed is looked at again; the object knows the headers.
lint-tidy: $(AGENT_C:%.c=$(B)/%.tidy)
$(B)/%.tidy: %.c $(B)/%.o .clang-tidy | deps-lint
	$(call say,TIDY,$<)
	$(Q)clang-tidy --quiet --warnings-as-errors='*' $< -- -std=gnu11 $(CPPFLAGS) $(LIB_CFLAGS) 2>/dev/null && touch $@

# Left out: what follows from -errno being taken for possibly 0 (an output left unset by a success
# that cannot be), and leaks of what a hash table or a list of liburcu holds (the sanitizer's task).
ANALYZER := -fanalyzer -Wno-analyzer-malloc-leak -Wno-analyzer-null-argument \
	-Wno-analyzer-null-dereference -Wno-analyzer-use-of-uninitialized-value
lint-analyzer: $(AGENT_C:%.c=$(B)/%.analyzed)
$(B)/%.analyzed: %.c $(B)/%.o | deps-lint
	$(call say,ANALYZE,$<)
	$(Q)gcc $(CPPFLAGS) $(CFLAGS_ALL) $(ANALYZER) -c -o /dev/null $< && touch $@

# --- the rest ------------------------------------------------------------------------------------

PURPOSES := build deb test demo lint fuzz coverage valgrind
.PHONY: demo deps $(PURPOSES:%=deps-%) clean help FORCE
demo: all $(TESTAPI) deps-demo ## a small cluster on this machine, its flows by name (root)
	$(Q)deploy/demo/demo

deps: ## install all that is needed to build, test, lint and see the demo
	$(Q).ci/deps build test demo lint fuzz

$(PURPOSES:%=deps-%): deps-%:
	$(Q).ci/deps $*

clean: ## remove everything that was built
	$(Q)rm -rf build

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z].*:.*## / { printf "  %-24s %s\n", $$1, $$2 }' Makefile

FORCE:
.SECONDARY:
-include $(shell find $(B) -name '*.d' -type f 2>/dev/null)
