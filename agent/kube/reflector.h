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
 * @list_begin: a list begins, streamed or not; forget one that was begun and not ended
 * @list_item:  one object of it; of two with one key the last one counts
 * @list_remove: a streaming list takes the object with the key of @like back, if it had it
 * @list_end:   the list is complete; it is the truth now
 * @list_drop:  the list that was begun will not be completed
 * @event:      one change to what the last complete list said
 * @refused:    an object was left out, and why
 * @failed:     a list failed or a watch was refused when it was opened, as client-go tells its
 *              WatchErrorHandler: not what is mended by asking again at once or after the pause the
 *              server asked for, not overload of a watch or a server that is not there while one
 *              is opened, not the end of an open watch; @code 0: no answer
 * @late_end:   a streaming list has not ended after ten seconds; once for each
 *
 * A negative errno ends the request. With -ENOMEM it counts as a failure, and what was not applied
 * comes again later. Objects are borrowed.
 */
struct pn_reflector_ops {
	int (*list_begin)(void *data);
	int (*list_item)(void *data, const struct pn_object *obj);
	int (*list_remove)(void *data, const struct pn_object *like);
	void (*list_end)(void *data);
	void (*list_drop)(void *data);
	int (*event)(void *data, enum pn_event event, const struct pn_object *obj);
	void (*refused)(void *data, const struct pn_err *why);
	void (*failed)(void *data, int code, const char *reason, const char *message);
	void (*late_end)(void *data);
};

/**
 * struct pn_reflector_config - see struct pn_informer_options for what is not explained here
 * @wire:      copied; what it points to outlives the reflector
 * @streaming: begin with a streaming list
 * @backoff:   zeroed private members; .initial 0: PN_BACKOFF_DEFAULT
 * @is_optional: a server without the kind is no failure that counts
 * @ops:       outlives the reflector
 *
 * Strings are copied; NULL is "".
 */
struct pn_reflector_config {
	struct pn_wire_config wire;
	const struct pn_clock *clock;
	bool streaming, is_optional;
	const char *name_space, *field_selector, *label_selector;
	unsigned int page_size, min_watch_timeout_s;
	struct pn_backoff backoff;
	pn_nsec internal_error_retry;
	const struct pn_reflector_ops *ops;
	void *data;
};

/**
 * pn_reflector_new() - Return: 0, -ENOMEM, or -EINVAL for a namespace that cannot stand in a path
 *                      or selectors of more than 32 KiB
 */
int pn_reflector_new(const struct pn_reflector_config *config, struct pn_reflector **ret);

/** pn_reflector_free() - not from inside one of its callbacks; NULL is allowed */
void pn_reflector_free(struct pn_reflector *r);

/**
 * pn_reflector_resume() - before the first step: begin with a watch from @rv, as if a list had come
 *
 * For objects that were kept from before. If the server does not go back so far, or does not know
 * the version, the usual list follows at once and the error hook hears nothing: that was to be
 * expected. When it refuses the watch for another reason, or ends it at once, the same is asked for
 * after a pause, a few times; then it is treated as any other watch.
 *
 * @rv: shorter than PN_OBJECT_RV_LEN, neither "" nor "0"
 */
void pn_reflector_resume(struct pn_reflector *r, const char *rv);

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

/**
 * pn_reflector_deadline() - when pn_reflector_late() is to be called while a request runs, or
 *                           PN_NSEC_NEVER; a call before that does nothing
 */
pn_nsec pn_reflector_deadline(const struct pn_reflector *r);
void pn_reflector_late(struct pn_reflector *r);

/**
 * pn_reflector_server_is_back() - another reflector of the same server has got through
 *
 * If this one is waiting because the server was not there (refused, cut, timed out, 5xx without
 * Retry-After), the rest of its pause is shortened to a random time within one second.
 *
 * Return: true if it was: call pn_reflector_next() for the new wait
 */
bool pn_reflector_server_is_back(struct pn_reflector *r);

/**
 * struct pn_reflector_status - strings are borrowed until the next call
 * @watch_version, @store_version, ...: see struct pn_informer_status
 * @last_good: of a list or a watch; a refusal is only a contact. 0: never
 * @current:   until then nothing has changed that the caller has not been told; now, while a watch is open; 0: never
 * @is_absent: the last failure was that an optional kind is not there
 */
struct pn_reflector_status {
	const char *watch_version, *store_version;
	pn_nsec last_contact, last_good, current;
	unsigned int n_failures;
	bool is_absent;
	const char *last_error;
	uint64_t n_lists, n_watches, n_short_watches, n_events, n_refused;
	pn_nsec list_time;
};

void pn_reflector_status(const struct pn_reflector *r, struct pn_reflector_status *ret);

#endif
