// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0
/*
 * Nothing to run: the map ABI as a BPF compiler sees it, for tests/unit/datapath/test_maps_layout.c.
 * The structs are in it because the maps have them as keys and values.
 */
#include <podonym/lookup.bpf.h>

enum pn_owner_kind owner_kind;
enum pn_owner_flags owner_flags;
enum pn_ip_flags ip_flags;

const char maps_dir[] = PN_MAPS_DIR;
const __u32 maps_version = PN_MAPS_VERSION;
