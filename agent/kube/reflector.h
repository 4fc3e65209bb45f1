/* SPDX-License-Identifier: Apache-2.0 */
#ifndef PN_KUBE_REFLECTOR_H
#define PN_KUBE_REFLECTOR_H

#include "base/clock.h"
#include "kube/wire.h"

/*
 * The list-then-watch protocol for one kind, without I/O: the caller asks what to do next, does
 * it, and hands the answer in; changes come out. Time and chance come from the clock it is given.
 */
struct pn_reflector;

/**
 * struct pn_reflector_ops - what is learned
 * @list_begin: a list begins; forget one that was begun and not ended
 * @list_item:  one object of it
 * @list_end:   the list is complete; it is the truth now
 * @list_drop:  the list that was begun will not be completed
 * @event:      one change to what the last complete list said
 * @refused:    an object was left out, and why
 *
 * A negative errno ends the request. With -ENOMEM it counts as a failure, and what was not applied
 * comes again later. Objects are borrowed.
 */
struct pn_reflector_ops {
	int (*list_begin)(void *data);
	int (*list_item)(void *data, const struct pn_object *obj);
	void (*list_end)(void *data);
	void (*list_drop)(void *data);
	int (*event)(void *data, enum pn_event event, const struct pn_object *obj);
	void (*refused)(void *data, const struct pn_err *why);
};

/** struct pn_reflector_config - as pn_informer_config; all but @field_selector outlives the reflector */
struct pn_reflector_config {
	const struct pn_kind *kind;
	const struct pn_clock *clock;
	unsigned int page_size;
	const char *field_selector;
	const struct pn_reflector_ops *ops;
	void *data;
};

/** pn_reflector_new() - Return: 0 or -ENOMEM */
int pn_reflector_new(const struct pn_reflector_config *config, struct pn_reflector **ret);

/** pn_reflector_free() - not from inside one of its callbacks; NULL is allowed */
void pn_reflector_free(struct pn_reflector *r);

/**
 * struct pn_reflector_step - what to do now
 * @path:    GET this with @accept and @idle_ms as for pn_client_get(); borrowed until the answer's end
 * @wait_ns: if @path is NULL: ask again after so long
 */
struct pn_reflector_step {
	const char *path, *accept;
	unsigned int idle_ms;
	pn_nsec wait_ns;
};

/** pn_reflector_next() - at the start, after each pn_reflector_done(), and when a wait is over */
void pn_reflector_next(struct pn_reflector *r, struct pn_reflector_step *ret);

/** pn_reflector_headers() - the answer begins; @content_type as for pn_wire_open(), @retry_after_s -1 if absent */
void pn_reflector_headers(struct pn_reflector *r, int status, const char *content_type,
			  int retry_after_s);

/** pn_reflector_data() - Return: 0, or a negative errno: cancel the request and call pn_reflector_done() */
int pn_reflector_data(struct pn_reflector *r, const char *bytes, size_t len);

/** pn_reflector_done() - the request is over; @result and @err as in struct pn_request_ops */
void pn_reflector_done(struct pn_reflector *r, int result, const struct pn_err *err);

/** struct pn_reflector_status - strings are borrowed until the next call */
struct pn_reflector_status {
	const char *resource_version;
	pn_nsec last_contact;
	unsigned int n_failures;
	const char *last_error;
};

void pn_reflector_status(const struct pn_reflector *r, struct pn_reflector_status *ret);

#endif
