# SPDX-License-Identifier: Apache-2.0
#
# podonym: one Makefile for everything. `make help` lists the targets.
#
#   MODE=release|debug|asan|tsan   what to build; each has its own folder below build/
#   V=1                            show the commands

MODE ?= release
MODES := release debug asan tsan
ifeq ($(filter $(MODE),$(MODES)),)
$(error MODE=$(MODE): use one of $(MODES))
endif

B := build/$(MODE)
V ?= 0
Q := $(if $(filter 1,$(V)),,@)
say = $(if $(filter 1,$(V)),@:,@printf '  %-8s %s\n' "$(1)" "$(2)")

CC ?= cc
CLANG ?= clang
AR ?= ar
BPFTOOL ?= $(firstword $(wildcard /usr/sbin/bpftool /usr/lib/linux-tools/*/bpftool) bpftool)
VERSION := $(shell git describe --tags --always --dirty 2>/dev/null || echo unknown)

# --- what is built -------------------------------------------------------------------------------

# Each folder is an archive; it may use those left of it. tests/unit/FOLDER links only them.
FOLDERS := base kube index datapath flow export serve cmd

PKGS_base :=
PKGS_kube := libcurl libuv jansson yaml-0.1
PKGS_index := liburcu-qsbr liburcu-cds
PKGS_datapath := libbpf libnl-route-3.0
PKGS_flow :=
PKGS_export :=
PKGS_serve := libuv jansson
PKGS_cmd := libuv jansson
PKGS := $(sort $(foreach f,$(FOLDERS),$(PKGS_$(f))))

# --- flags ---------------------------------------------------------------------------------------

WARN := -Wall -Wextra -Werror -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Wcast-qual -Wvla \
	-Wformat=2 -Wimplicit-fallthrough -Wnull-dereference
HARDEN := -fstack-protector-strong -fPIE
LDHARDEN := -pie -Wl,-z,relro,-z,now,-z,noexecstack

# A flag that this compiler knows, or nothing.
probe = $(shell $(CC) -Werror $(1) -c -x c /dev/null -o /dev/null 2>/dev/null && echo $(1))
HARDEN += $(foreach f,-fstack-clash-protection -fcf-protection=full -ftrivial-auto-var-init=zero,$(call probe,$(f)))

MODE_release := -O2 -g -D_FORTIFY_SOURCE=3
MODE_debug := -O0 -g3
MODE_asan := -O1 -g3 -fsanitize=address,undefined -fno-sanitize-recover=all -fno-omit-frame-pointer
MODE_tsan := -O1 -g3 -fsanitize=thread -fno-omit-frame-pointer

# -Wnull-dereference follows inlined paths that the sanitizers' checks make up.
WARN_asan := -Wno-null-dereference
WARN_tsan := -Wno-null-dereference

CPPFLAGS += -D_GNU_SOURCE -Iagent -Iinclude -I. -I$(B)
CFLAGS_ALL = -std=gnu11 $(WARN) $(WARN_$(MODE)) $(HARDEN) $(MODE_$(MODE)) $(shell pkg-config --cflags $(PKGS)) $(CFLAGS)
LDFLAGS_ALL = $(filter -fsanitize=%,$(MODE_$(MODE))) $(LDHARDEN) $(LDFLAGS)

BPF_ARCH := $(shell uname -m | sed 's/x86_64/x86/; s/aarch64/arm64/')
BPF_INCLUDES := -idirafter /usr/include/$(shell $(CC) -print-multiarch 2>/dev/null)
BPF_CFLAGS := -std=gnu11 -target bpf -mcpu=v2 -D__TARGET_ARCH_$(BPF_ARCH) -g -O2 -Wall -Wextra -Werror -Iinclude -I. $(BPF_INCLUDES)

# --- rules ---------------------------------------------------------------------------------------

.DEFAULT_GOAL := all
.PHONY: all
all: $(B)/podonym ## build the agent: build/release/podonym

upto = $(if $(filter $(1),$(firstword $(2))),$(1),$(firstword $(2)) $(call upto,$(1),$(wordlist 2,99,$(2))))
reverse = $(if $(1),$(call reverse,$(wordlist 2,99,$(1))) $(firstword $(1)))
# Archives that folder $(1) may use, the lowest last; and the libraries they need.
archives = $(foreach f,$(call reverse,$(call upto,$(1),$(FOLDERS))),$(B)/$(f).a)
libs = $(shell pkg-config --libs $(foreach f,$(call upto,$(1),$(FOLDERS)),$(PKGS_$(f))) 2>/dev/null) -lpthread

define folder_rules
SRCS_$(1) := $$(wildcard agent/$(1)/*.c)
$(B)/$(1).a: $$(filter-out %/main.o,$$(SRCS_$(1):%.c=$(B)/%.o))
	$$(call say,AR,$$@)
	$$(Q)rm -f $$@ && $$(AR) rcs $$@ $$^

$(B)/tests/unit/$(1)/%: $(B)/tests/unit/$(1)/%.o $$(call archives,$(1))
	$$(call say,LINK,$$@)
	$$(Q)$$(CC) $$(LDFLAGS_ALL) -o $$@ $$^ $$(call libs,$(1)) -lcmocka
endef
$(foreach f,$(FOLDERS),$(eval $(call folder_rules,$(f))))

$(B)/podonym: $(B)/agent/cmd/main.o $(call archives,cmd)
	$(call say,LINK,$@)
	$(Q)$(CC) $(LDFLAGS_ALL) -o $@ $^ $(call libs,cmd)

$(B)/%.o: %.c
	$(call say,CC,$<)
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(CPPFLAGS) $(CFLAGS_ALL) -MMD -MP -c -o $@ $<

$(B)/agent/base/version.o: CPPFLAGS += -DPN_VERSION='"$(VERSION)"'

# BPF: the object is the same in every mode; the skeleton embeds it.
$(B)/bpf/%.bpf.o: bpf/%.bpf.c
	$(call say,BPF,$<)
	$(Q)mkdir -p $(@D)
	$(Q)$(CLANG) $(BPF_CFLAGS) -MMD -MP -MF $(@:.o=.d) -MT $@ -c -o $@ $<

$(B)/bpf/%.skel.h: $(B)/bpf/%.bpf.o
	$(call say,SKEL,$@)
	$(Q)$(BPFTOOL) gen skeleton $< name pn_$*_bpf > $@.tmp && mv $@.tmp $@

$(B)/agent/datapath/%.o: | $(B)/bpf/flow.skel.h
$(B)/agent/datapath/tracer.o: $(B)/bpf/flow.skel.h

# --- tests ---------------------------------------------------------------------------------------

UNIT_SRCS := $(wildcard tests/unit/*/test_*.c)
UNITS := $(UNIT_SRCS:%.c=$(B)/%)
.SECONDARY:

.PHONY: check
check: $(UNITS) ## build and run the unit tests (no root)
	$(Q)tests/tools/run-units $(UNITS)

.PHONY: clean
clean: ## remove everything that was built
	$(Q)rm -rf build

.PHONY: help
help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  %-16s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

-include $(shell find $(B) -name '*.d' 2>/dev/null)
