/* SPDX-License-Identifier: Apache-2.0 */
#ifndef PN_DATAPATH_SYMBOLS_H
#define PN_DATAPATH_SYMBOLS_H

#include <stddef.h>
#include <stdint.h>

#define PN_SYMBOLS_PATH "/proc/kallsyms"

/** struct pn_symbol - @addr: within a function of the kernel; @name: the function's, "" if not known */
struct pn_symbol {
	uint64_t addr;
	char name[64];
};

/**
 * pn_symbols_open() - whether the kernel shows addresses is settled here, by the caller's capabilities
 * @path: of the form of /proc/kallsyms
 *
 * Return: a descriptor or a negative errno
 */
int pn_symbols_open(const char *path);

/**
 * pn_symbols_find() - the functions that @n addresses lie in, in one pass through the file
 * @fd: from pn_symbols_open(), of one thread at a time
 *
 * What the compiler has added to a name (.isra.0, .cold) is cut off. Takes some 50 ms of CPU time.
 *
 * Return: 0; -EACCES: the kernel hides its addresses from us, all names are ""; or another negative
 * errno, likewise
 */
int pn_symbols_find(int fd, struct pn_symbol *symbols, size_t n);

/** pn_symbols_are_shown() - Return: 0; -EACCES: hidden; or another negative errno */
int pn_symbols_are_shown(int fd);

/**
 * pn_symbols_line() - look whether a line names a function that an address lies in, nearer than before
 * @starts: by symbol, where the function named so far begins; 0: none so far
 *
 * Return: the address on the line; 0: hidden, or no line of the form
 */
uint64_t pn_symbols_line(const char *line, struct pn_symbol *symbols, uint64_t *starts, size_t n);

#endif
