/* SPDX-License-Identifier: Apache-2.0 */
#ifndef PN_EXPORT_SERIES_H
#define PN_EXPORT_SERIES_H

#include "base/clock.h"
#include "base/err.h"
#include "base/metric.h"

/*
 * A bounded table of series for Prometheus: from the text of the labels to a value of the owner's.
 * What finds no room shares one series, called "_other". A series that has not been touched for some
 * time goes. Private to agent/export; the owner has a lock, held in every call but those about a copy
 * that say otherwise.
 */
struct pn_series;

/**
 * struct pn_series_config
 * @max:   room for so many, beside the one of others; their memory is taken at once
 * @idle:  a series that was not touched for so long goes, ns
 * @value_bytes: of a value, which begins as zeros
 * @other: labels of the one that the others share
 * @n, @n_ended: figures to keep: how many there are, how many have gone
 */
struct pn_series_config {
	uint32_t max;
	pn_nsec idle;
	size_t value_bytes;
	const char *other;
	enum pn_metric n, n_ended;
};

/** pn_series_new() - Return: 0 or -ENOMEM */
int pn_series_new(const struct pn_series_config *config, struct pn_series **ret);
void pn_series_free(struct pn_series *s);

/** pn_series_other() - the number of the series that the others share */
uint32_t pn_series_other(const struct pn_series *s);

/** pn_series_find() - the number of the series @text, made if need be; pn_series_other(): no room, or no memory */
uint32_t pn_series_find(struct pn_series *s, const char *text, pn_nsec now);

/** pn_series_serial() - no two series that ever had this number have the same; never 0, of one that has gone 0 */
uint64_t pn_series_serial(const struct pn_series *s, uint32_t number);

/** pn_series_touch() - its value, to be changed; @now: of the same clock each time, ns */
void *pn_series_touch(struct pn_series *s, uint32_t number, pn_nsec now);

/** struct pn_series_copy - all that there were at one moment, each with its name */
struct pn_series_copy;

/** pn_series_copy() - Return: NULL without memory; else for pn_series_give_back() */
struct pn_series_copy *pn_series_copy(struct pn_series *s, pn_nsec now);
void pn_series_give_back(struct pn_series_copy *c);

/** pn_series_at() - the @i-th, without the lock. Return: its value, @ret_name its labels; NULL: there are no more */
const void *pn_series_at(const struct pn_series_copy *c, uint32_t i, const char **ret_name);

#endif
