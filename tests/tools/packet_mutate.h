/* SPDX-License-Identifier: Apache-2.0 */
#ifndef PN_TESTS_PACKET_MUTATE_H
#define PN_TESTS_PACKET_MUTATE_H

#include "tests/tools/packet_kinds.h"

/**
 * packet_mutate() - send packets of all kinds, each changed at random in a few places
 * @s:    the end of the mutants; its ports and ids are those of the originals
 * @seed: the same seed makes the same packets
 *
 * MAC addresses stay. Every second mutant gets good checksums, so that it is passed on.
 * Return: 0 or -ENOMEM
 */
int packet_mutate(const struct packet_sender *s, size_t n, uint64_t seed);

#endif
