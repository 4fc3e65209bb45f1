/* SPDX-License-Identifier: Apache-2.0 */
#ifndef PN_TESTS_SHELL_CHURN_H
#define PN_TESTS_SHELL_CHURN_H

#include <stddef.h>

#include <podonym/informer.h>

/**
 * shell_churn() - handlers that come and go, from so many threads for so long
 *
 * Return: 0; -EAGAIN: not all threads could be started
 */
int shell_churn(struct pn_informer *inf, size_t n_threads, double seconds);

#endif
