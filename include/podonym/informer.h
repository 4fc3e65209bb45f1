/* SPDX-License-Identifier: Apache-2.0 */
#ifndef PODONYM_INFORMER_H
#define PODONYM_INFORMER_H

#include <podonym/objects.h>

/*
 * Kubernetes informers for C: a copy of all objects of a kind, kept up to date by list and watch
 * through every failure, with look-ups by key and by any number of indexes, and handlers that are
 * told of each change. The model is client-go's shared informer factory.
 *
 *	struct pn_factory *factory;
 *	struct pn_pods *pods;
 *
 *	pn_factory_new(NULL, &factory, &err);		in-cluster settings or the kubeconfig
 *	pods = pn_factory_pods(factory, NULL, &err);
 *	pn_pods_add_ip_index(pods);
 *	pn_factory_start(factory);
 *	pn_factory_wait_for_sync(factory, 30000);
 *
 *	pn_read_begin();
 *	pn_pods_by_ip(pods, "10.244.1.7", &it);
 *	while ((pod = pn_pods_next(&it)))
 *		puts(pod->meta.name);
 *	pn_read_end();
 *
 *	pn_factory_free(factory);
 *
 * Every kind has the same set of typed functions, see the end of this file: pn_pods_*(),
 * pn_services_*(), pn_nodes_*(), pn_namespaces_*(), pn_replicasets_*(), pn_jobs_*(),
 * pn_endpointslices_*(), pn_networkpolicies_*(), and pn_generics_*() for any other kind. They stand
 * on the untyped pn_informer_*().
 *
 * Threads: all functions may be called from any thread, also from within a handler, unless they say
 * otherwise. Look-ups take no lock, wait for nobody, and are done within a read section.
 *
 * Errors: functions return 0 or a negative errno; `reterr`, which may be NULL, then says it in words.
 * Structs of options begin with their size (`.size = sizeof(options)`), zero is the default for
 * every field, and NULL stands for all defaults.
 */

#ifdef __cplusplus
extern "C" {
#endif

struct pn_factory;
struct pn_informer;
struct pn_registration;

/** pn_library_version() - "v0.2.0", or what `git describe` said when the library was built */
const char *pn_library_version(void);

/* --- read sections --- */

/**
 * pn_read_begin(), pn_read_end() - a stretch in which what was found stays valid
 *
 * May be nested; costs a few nanoseconds. Do not sleep inside: memory that the informers give up
 * meanwhile is only freed after the end. An object is kept for longer by pn_object_ref().
 */
void pn_read_begin(void);
void pn_read_end(void);

/* --- the factory: one connection, one loop, any number of informers --- */

/** Where the loop runs. */
enum pn_loop {
	PN_LOOP_THREAD, /* on a thread of the library's own */
	PN_LOOP_CALLER, /* inside pn_factory_dispatch() */
};

/**
 * struct pn_factory_options - where the API server is, and whose thread does the work
 * @server:     URL of the API server, and nothing else is looked at; a path at its end is kept
 * @kubeconfig: this file, an error if it is missing
 * @context:    instead of the kubeconfig's current-context
 * @token_file: a bearer token, read again as it changes; sent over https, and to a loopback address
 * @ca_file:    the authorities to trust, with @server
 * @user_agent: the header's value; NULL: "podonym/VERSION (OS/ARCH)"
 * @loop:       enum pn_loop
 *
 * Without @server and @kubeconfig: the settings of the pod's service account if
 * KUBERNETES_SERVICE_HOST is set (and no @context is asked for), else the files of $KUBECONFIG, else
 * ~/.kube/config. Strings are copied.
 */
struct pn_factory_options {
	size_t size;
	const char *server, *kubeconfig, *context;
	const char *token_file, *ca_file;
	const char *user_agent;
	int loop;
};

/** pn_factory_new() - reads the settings; connects to nothing yet */
int pn_factory_new(const struct pn_factory_options *options, struct pn_factory **ret,
		   struct pn_err *reterr);

/**
 * pn_factory_free() - stops, waits for calls of handlers that are under way, frees all informers,
 *                     and what registrations pn_..._add_handler() did not hand out
 *
 * Not from within a handler or a read section. NULL is allowed.
 */
void pn_factory_free(struct pn_factory *f);

/** pn_factory_start() - starts the informers that are not started yet; call it again for later ones */
int pn_factory_start(struct pn_factory *f);

/** pn_factory_stop() - begins to stop: requests are cancelled and no new call of a handler begins. Stores stay readable. */
void pn_factory_stop(struct pn_factory *f);

/**
 * pn_factory_wait_for_sync() - until every started informer has its first complete list
 * @timeout_ms: 0: look and return; negative: for ever
 *
 * With PN_LOOP_CALLER it dispatches meanwhile. Not from within a handler.
 * Return: 0; -ETIMEDOUT; -ECANCELED when the factory was stopped first
 */
int pn_factory_wait_for_sync(struct pn_factory *f, int timeout_ms);

/**
 * pn_factory_fd() - PN_LOOP_CALLER: readable when pn_factory_dispatch() has something to do
 *
 * For poll(2), epoll(7) or another loop; level-triggered; valid until pn_factory_free().
 */
int pn_factory_fd(const struct pn_factory *f);

/** pn_factory_dispatch() - PN_LOOP_CALLER: does what is due and returns; the handlers are called in here; nothing while another call is under way */
void pn_factory_dispatch(struct pn_factory *f);

/** pn_factory_server() - the API server's URL, for messages */
const char *pn_factory_server(const struct pn_factory *f);

/* --- stores --- */

/**
 * struct pn_store_diff - what a new list changed; called when the store is the new list already
 * @remove: objects that the list does not have, before all others
 * @put:    in the order of the list; @old is NULL for a new object
 *
 * Objects are borrowed. Return: true to go on, false to hear no more.
 */
struct pn_store_diff {
	bool (*remove)(void *data, const struct pn_object *last);
	bool (*put)(void *data, const struct pn_object *old, const struct pn_object *obj);
};

/**
 * struct pn_store_ops - a store of the caller's own in place of the library's
 * @put:         store @obj under its key, and take a reference; @ret_old: what was there before, with
 *               a reference for the informer, or NULL. Return: 0, or a negative errno and all is as
 *               before: the watch is begun again from the last version that was stored
 * @remove:      forget the object with the key of @like; @ret_old as above. Return: as @put
 * @stage_begin: begin to collect a list, beside what is stored; one begun before is forgotten
 * @stage:       one more object of it; of two under one key the last one counts
 * @stage_remove: take the object with the key of @like back out of it, if it is there: it was deleted
 *               while the list was streamed
 * @unstage:     forget what has been collected
 * @commit:      what has been collected is the store from now on; cannot fail. Objects whose version
 *               is unchanged are not told to @diff
 * @each:        call @visit for every object until it returns false
 * @count:       how many objects there are
 *
 * Called by one thread at a time. An informer with a store of its own has handlers as any other, but
 * no look-ups and no indexes: those are the store's business.
 */
struct pn_store_ops {
	int (*put)(void *store, const struct pn_object *obj, const struct pn_object **ret_old);
	int (*remove)(void *store, const struct pn_object *like, const struct pn_object **ret_old);
	int (*stage_begin)(void *store);
	int (*stage)(void *store, const struct pn_object *obj);
	int (*stage_remove)(void *store, const struct pn_object *like);
	void (*unstage)(void *store);
	void (*commit)(void *store, const struct pn_store_diff *diff, void *data);
	void (*each)(void *store, bool (*visit)(void *data, const struct pn_object *obj),
		     void *data);
	size_t (*count)(void *store);
};

/* --- informers --- */

/**
 * struct pn_backoff_options - pauses between attempts; 0 is client-go's value, given in brackets
 * @initial_ms, @factor, @cap_ms: the first pause, its growth, the longest one (800, 2, 30000)
 * @no_jitter:                    a pause is @initial_ms * ... itself, rather than drawn from [d, 2d)
 * @reset_ms:                     start again after so long without a pause (120000)
 */
struct pn_backoff_options {
	unsigned int initial_ms, factor, cap_ms, reset_ms;
	bool no_jitter;
};

/**
 * struct pn_watch_error - what a failed list or a refused watch is told as
 * @code:    of the HTTP answer or its Status; 0 if there was no answer
 * @reason:  "Forbidden", ...; "" if the server gave none
 * @message: for people: what, where, and what to do
 */
struct pn_watch_error {
	int code;
	const char *reason, *message;
};

/** How the first state is fetched. */
enum pn_list_mode {
	PN_LIST_STREAMING, /* a watch that begins with all objects; list where the server has it not */
	PN_LIST_PLAIN,	   /* list, then watch */
};

/**
 * struct pn_informer_options
 * @name_space:     only this namespace; NULL or "": all
 * @field_selector, @label_selector: as in the API
 * @list_mode:      enum pn_list_mode
 * @page_size:      objects a page of a list; 0: 500 where a list may be paged
 * @json:           do not ask for protobuf
 * @metadata_only:  ask for nothing but metadata (namespaces, replicasets and jobs always do)
 * @keep_labels:    fill in pn_object.labels
 * @keep_annotations: the names of annotations to keep, NULL at the end; they outlive the factory
 * @resync_ms:      for handlers that do not say: tell them of every object again so often, as
 *                  updates with equal versions; 0: never, else at least 1000
 * @backoff:        see there
 * @min_watch_timeout_s: a watch is ended by the server after a time drawn from [min, 2 * min];
 *                  less than 300 is 300
 * @internal_error_retry_ms: for so long after the first ERROR event with InternalError a watch is
 *                  opened again without a list; 0: not at all
 * @is_optional:    a server that does not know the kind (404) is asked again after the pauses of
 *                  @backoff, but nothing is logged or counted as a failure
 * @on_error:       called on the loop's thread
 * @on_warning:     the same, for what deserves a look: "missing_initial_events_end" when a
 *                  streaming list has not ended after ten seconds, "slow_handler"
 * @transform:      generic kinds: changes an object's jansson tree (json_t) before it is kept, once
 *                  an object; with a negative errno it is left out and counted. Like the functions
 *                  of indexers and stores it is called in the middle of a change and calls none of
 *                  the library's functions but those on objects and values
 * @data:           for the three callbacks
 * @store, @store_data: instead of the library's own store
 *
 * Strings are copied.
 */
struct json_t;
struct pn_informer_options {
	size_t size;
	const char *name_space, *field_selector, *label_selector;
	int list_mode;
	unsigned int page_size;
	bool json, metadata_only, keep_labels;
	const char *const *keep_annotations;
	unsigned int resync_ms;
	struct pn_backoff_options backoff;
	unsigned int min_watch_timeout_s, internal_error_retry_ms;
	void (*on_error)(void *data, const struct pn_watch_error *error);
	void (*on_warning)(void *data, const char *warning);
	int (*transform)(void *data, struct json_t *object);
	void *data;
	const struct pn_store_ops *store;
	void *store_data;
	bool is_optional;
};

/**
 * struct pn_resource - a kind by its place in the API, for any that has no struct here
 *
 * Built-in kinds may be read this way as well, if JSON is wanted.
 */
struct pn_resource {
	const char *group, *version, *kind, *plural; /* "" for the core group */
	bool is_cluster_scoped;
};

/**
 * pn_factory_informer() - the factory's informer of a kind
 * @kind: not PN_KIND_GENERIC
 *
 * There is one informer for each kind, namespace and selection: a second call with the same returns
 * the same one, whatever its other options say. It lives until pn_factory_free().
 *
 * Return: NULL with @reterr
 */
struct pn_informer *pn_factory_informer(struct pn_factory *f, enum pn_kind_id kind,
					const struct pn_informer_options *options,
					struct pn_err *reterr);

/** pn_factory_generic_informer() - the same for a resource; strings are copied */
struct pn_informer *pn_factory_generic_informer(struct pn_factory *f,
						const struct pn_resource *resource,
						const struct pn_informer_options *options,
						struct pn_err *reterr);

/** pn_informer_start() - just this one; a second call changes nothing. Return: 0, -ECANCELED after a stop */
int pn_informer_start(struct pn_informer *inf);

/** pn_informer_set_transform(), pn_informer_set_on_error() - see struct pn_informer_options. Return: 0, -EBUSY after the start */
int pn_informer_set_transform(struct pn_informer *inf,
			      int (*transform)(void *data, struct json_t *object), void *data);
int pn_informer_set_on_error(struct pn_informer *inf,
			     void (*on_error)(void *data, const struct pn_watch_error *error),
			     void *data);

/**
 * pn_informer_restore() - before the start: begin with these objects instead of a list
 * @objects:          of the informer's kind and selection; of two under one key the last one counts. It
 *                    takes references of its own
 * @resource_version: the one they are of: `watch_version` of the informer's status when they were read,
 *                    or an earlier one, as events that are told again do no harm
 *
 * The informer counts as synced at once: handlers are told of the objects as initial adds, then that
 * they are in sync, and the first request is a watch from that version. If the server does not go
 * back so far (it keeps some minutes), the usual list follows and replaces what is stored, and
 * handlers hear of the differences: deletions are stale then. Until the server has answered, what is
 * stored is as old as it was when it was restored; `last_contact_ms` of the status tells.
 *
 * Return: 0; -EINVAL for an object of another kind, and a version that is empty, "0" or not one; -EBUSY
 * after the start, and the second time; -ECANCELED after a stop; -ENOTSUP with a custom store; -ENOMEM
 */
int pn_informer_restore(struct pn_informer *inf, const struct pn_object *const *objects, size_t n,
			const char *resource_version);

/** pn_informer_stop() - begins to stop, see pn_factory_stop() */
void pn_informer_stop(struct pn_informer *inf);

/** pn_informer_wait_for_sync() - see pn_factory_wait_for_sync() */
int pn_informer_wait_for_sync(struct pn_informer *inf, int timeout_ms);

/**
 * struct pn_informer_status - how it is doing; all counts since the start
 * @kind:             "pods", ...
 * @is_started, @is_stopped: stopped: no request is open and no call of a handler will follow
 * @is_synced:        the first complete list is in the store
 * @n_objects:        in the store
 * @watch_version:    resourceVersion from which a watch would go on; "" before the first list
 * @store_version:    that the store reflects, bookmarks included
 * @last_contact_ms:  since the server last said something; -1: never
 * @behind_ms:        so long there may have been changes that have not come: since the last watch ended, until another
 *                    has been open for a second; 0: there are none, but for those under way; -1: nothing was listed yet
 * @n_failures:       in a row; 0: all is well
 * @last_error:       of the last failure, in words; "" if all is well
 * @n_lists, @n_watches, @n_short_watches: requests; short: ended within a second and without an event
 * @n_events:         watch events, bookmarks included
 * @n_refused:        objects left out because they could not be understood
 * @n_transform_errors: objects left out because the transform failed
 * @list_us:          how long the last complete list took, in microseconds
 * @n_queued:         notices that wait for handlers
 * @n_calls, @calls_us: calls of the handlers there are now, and the time in them
 * @resync_ms:        how often the resync is looked at; 0: never
 */
struct pn_informer_status {
	const char *kind;
	bool is_started, is_stopped, is_synced;
	size_t n_objects;
	char watch_version[128], store_version[128];
	int64_t last_contact_ms, behind_ms;
	unsigned int n_failures;
	struct pn_err last_error;
	uint64_t n_lists, n_watches, n_short_watches, n_events, n_refused, n_transform_errors;
	uint64_t list_us, n_queued, n_calls, calls_us;
	unsigned int resync_ms;
};

void pn_informer_status(const struct pn_informer *inf, struct pn_informer_status *ret);

/** pn_informer_has_synced() - is the first complete list in the store? */
bool pn_informer_has_synced(const struct pn_informer *inf);

/* --- handlers --- */

enum pn_notice_type {
	PN_NOTICE_ADD,
	PN_NOTICE_UPDATE,
	PN_NOTICE_REMOVE,
	PN_NOTICE_SYNCED,
	PN_NOTICE_MAX, /* sentinel */
};

/**
 * struct pn_notice - one call of a handler
 * @old:        UPDATE: the object before; it may be another one (uid) under the same name
 * @obj:        the object; REMOVE: its last known state
 * @is_initial: ADD: part of the first list, or of what was stored when the handler was added
 * @is_stale:   REMOVE: the deletion itself was not seen, only that the object is no longer there
 */
struct pn_notice {
	enum pn_notice_type type;
	bool is_initial, is_stale;
	const struct pn_object *old, *obj;
};

/**
 * struct pn_handler_options
 * @resync_ms:  see struct pn_informer_options; PN_NO_RESYNC: never, whatever the informer's is
 * @own_thread: call the handler on a thread of its own, so that it may block; else on the loop's
 *              thread, where it has to be quick (a millisecond)
 * @filter:     only objects for which it is true exist for the handler: one that begins or ceases to
 *              be wanted is told as an add or a removal
 * @filter_data: for @filter
 */
struct pn_handler_options {
	size_t size;
	unsigned int resync_ms;
	bool own_thread;
	bool (*filter)(void *filter_data, const struct pn_object *obj);
	void *filter_data;
};

#define PN_NO_RESYNC UINT32_MAX

/** pn_handler_fn - @handler and @data as they were given to pn_informer_add_handler(); the notice is borrowed */
typedef void (*pn_handler_fn)(const void *handler, void *data, const struct pn_notice *notice);

/**
 * pn_informer_add_handler() - at any time before the stop
 * @ret: NULL if it is never removed; else for pn_registration_free()
 *
 * The handler is first told of everything that is stored, as initial adds, then of each change, in
 * order. Each handler has a queue of its own, so that one that is slow holds up no other.
 *
 * Return: 0; -ECANCELED after a stop; -EINVAL: the options do not say their size; -ENOMEM; -EAGAIN:
 * no thread
 */
int pn_informer_add_handler(struct pn_informer *inf, pn_handler_fn fn, const void *handler,
			    void *data, const struct pn_handler_options *options,
			    struct pn_registration **ret);

/** pn_registration_has_synced() - has the handler returned from all calls of the first list? */
bool pn_registration_has_synced(const struct pn_registration *r);

/** pn_registration_resync_ms() - the period in force; 0: never */
unsigned int pn_registration_resync_ms(const struct pn_registration *r);

/** pn_registration_remove() - no new call begins; one under way is not waited for. Again, and after a stop: nothing happens */
void pn_registration_remove(struct pn_registration *r);

/** pn_registration_shutdown() - the same, and returns when no call is under way any more; not from within the handler */
void pn_registration_shutdown(struct pn_registration *r);

/** pn_registration_free() - pn_registration_remove() and give the handle back; before pn_factory_free(). NULL is allowed. */
void pn_registration_free(struct pn_registration *r);

/* --- indexes and look-ups --- */

struct pn_values;

/** pn_values_add() - one value under which an object is to be found; copied; twice the same is once */
void pn_values_add(struct pn_values *values, const char *text);

/** pn_values_add_addr() - the same for an index of addresses */
void pn_values_add_addr(struct pn_values *values, const struct pn_addr *addr);

/**
 * struct pn_indexer - a way to find objects
 * @name:    copied
 * @of_addrs: its values are addresses; compact and fast. Else text.
 * @fn:      adds the values of @obj, 0..n; always the same for the same object
 * @fn_data: for @fn
 */
struct pn_indexer {
	const char *name;
	bool of_addrs;
	void (*fn)(const void *fn_data, const struct pn_object *obj, struct pn_values *values);
	const void *fn_data;
};

/** pn_informer_add_index() - at any time before the stop; what is stored is indexed. Return: 0, -EEXIST, -ECANCELED, -ENOMEM, -ENOTSUP with a custom store */
int pn_informer_add_index(struct pn_informer *inf, const struct pn_indexer *indexer);

/** Ready-made indexes: pods, services, nodes, endpoint slices by address; by namespace; pods by node; by controller's uid. */
extern const struct pn_indexer pn_indexer_ip, pn_indexer_namespace, pn_indexer_node,
	pn_indexer_controller;

/** struct pn_iter - objects that were found; on the stack, valid until pn_read_end(), private */
struct pn_iter {
	const void *at;
	size_t n, next;
	const struct pn_object *only;
};

/** pn_iter_next() - Return: the next object, borrowed until pn_read_end(); NULL at the end */
const struct pn_object *pn_iter_next(struct pn_iter *it);

/** pn_informer_get() - Return: the object under "namespace/name" (or "name"), borrowed until pn_read_end(); NULL */
const struct pn_object *pn_informer_get(const struct pn_informer *inf, const char *key);

/** pn_informer_each() - every object, in no order */
void pn_informer_each(const struct pn_informer *inf, struct pn_iter *ret);

/**
 * pn_informer_by_index() - every object under a value; an address as text in an index of addresses
 *
 * Return: 0, also if there is none; -ENOENT if there is no such index: then @ret is empty
 */
int pn_informer_by_index(const struct pn_informer *inf, const char *index, const char *value,
			 struct pn_iter *ret);

/** pn_informer_by_addr() - the same with the address as it is; -ENOENT also for an index of text */
int pn_informer_by_addr(const struct pn_informer *inf, const char *index,
			const struct pn_addr *addr, struct pn_iter *ret);

typedef bool (*pn_text_fn)(void *data, const char *text);

/** pn_informer_index_values() - calls @visit for each value that has an object, in no order, until it returns false. Return: 0, -ENOENT */
int pn_informer_index_values(const struct pn_informer *inf, const char *index, pn_text_fn visit,
			     void *data);

typedef bool (*pn_object_fn)(void *data, const struct pn_object *obj);

/** pn_informer_index_like() - every object that shares a value with @obj, each once, until @visit returns false. Return: 0, -ENOENT */
int pn_informer_index_like(const struct pn_informer *inf, const char *index,
			   const struct pn_object *obj, pn_object_fn visit, void *data);

size_t pn_informer_count(const struct pn_informer *inf);

/* --- the same, typed --- */

/*
 * For each kind an informer type and its functions, here for pods:
 *
 *	struct pn_pods *pn_factory_pods(factory, options, reterr)
 *	struct pn_informer *pn_pods_informer(pods)	for the untyped functions above
 *	struct pn_pods_handler { add, update, remove, synced }
 *	int pn_pods_add_handler(pods, handler, data, options, ret)
 *	struct pn_pods_indexer { name, fn }
 *	int pn_pods_add_index(pods, indexer)	which outlives the informer
 *	int pn_pods_add_ip_index(pods)
 *	const struct pn_pod *pn_pods_get(pods, key)
 *	void pn_pods_each(pods, iter)
 *	int pn_pods_by_index(pods, index, value, iter)
 *	int pn_pods_by_ip(pods, text, iter)		after pn_pods_add_ip_index()
 *	int pn_pods_by_addr(pods, addr, iter)
 *	const struct pn_pod *pn_pods_next(iter)
 *
 * In a handler each function may be NULL; @is_initial and @is_stale as in struct pn_notice. It
 * outlives the registration.
 */
#define PN_INFORMER_FUNCTIONS(many, one)                                                           \
	struct pn_##many;                                                                          \
	struct pn_##many##_iter {                                                                  \
		struct pn_iter iter;                                                               \
	};                                                                                         \
	struct pn_##many##_handler {                                                               \
		void (*add)(void *data, const struct pn_##one *obj, bool is_initial);              \
		void (*update)(void *data, const struct pn_##one *old,                             \
			       const struct pn_##one *obj);                                        \
		void (*remove)(void *data, const struct pn_##one *last, bool is_stale);            \
		void (*synced)(void *data);                                                        \
	};                                                                                         \
	struct pn_##many##_indexer {                                                               \
		const char *name;                                                                  \
		void (*fn)(const struct pn_##one *obj, struct pn_values *values);                  \
	};                                                                                         \
	static inline struct pn_informer *pn_##many##_informer(const struct pn_##many *many)       \
	{                                                                                          \
		return (struct pn_informer *)(uintptr_t)many;                                      \
	}                                                                                          \
	static inline const struct pn_##one *pn_##many##_next(struct pn_##many##_iter *it)         \
	{                                                                                          \
		return (const struct pn_##one *)(const void *)pn_iter_next(&it->iter);             \
	}                                                                                          \
	static inline void pn_##many##_call(const void *handler, void *data,                       \
					    const struct pn_notice *n)                             \
	{                                                                                          \
		const struct pn_##many##_handler *h = (const struct pn_##many##_handler *)handler; \
		const struct pn_##one *old = (const struct pn_##one *)(const void *)n->old;        \
		const struct pn_##one *obj = (const struct pn_##one *)(const void *)n->obj;        \
                                                                                                   \
		if (n->type == PN_NOTICE_ADD && h->add)                                            \
			h->add(data, obj, n->is_initial);                                          \
		else if (n->type == PN_NOTICE_UPDATE && h->update)                                 \
			h->update(data, old, obj);                                                 \
		else if (n->type == PN_NOTICE_REMOVE && h->remove)                                 \
			h->remove(data, obj, n->is_stale);                                         \
		else if (n->type == PN_NOTICE_SYNCED && h->synced)                                 \
			h->synced(data);                                                           \
	}                                                                                          \
	static inline int pn_##many##_add_handler(                                                 \
		struct pn_##many *many, const struct pn_##many##_handler *handler, void *data,     \
		const struct pn_handler_options *options, struct pn_registration **ret)            \
	{                                                                                          \
		return pn_informer_add_handler(pn_##many##_informer(many), pn_##many##_call,       \
					       handler, data, options, ret);                       \
	}                                                                                          \
	static inline void pn_##many##_index_call(const void *data, const struct pn_object *obj,   \
						  struct pn_values *values)                        \
	{                                                                                          \
		((const struct pn_##many##_indexer *)data)                                         \
			->fn((const struct pn_##one *)(const void *)obj, values);                  \
	}                                                                                          \
	static inline int pn_##many##_add_index(struct pn_##many *many,                            \
						const struct pn_##many##_indexer *indexer)         \
	{                                                                                          \
		struct pn_indexer untyped = { indexer->name, false, pn_##many##_index_call,        \
					      indexer };                                           \
                                                                                                   \
		return pn_informer_add_index(pn_##many##_informer(many), &untyped);                \
	}                                                                                          \
	static inline int pn_##many##_add_ip_index(struct pn_##many *many)                         \
	{                                                                                          \
		return pn_informer_add_index(pn_##many##_informer(many), &pn_indexer_ip);          \
	}                                                                                          \
	static inline const struct pn_##one *pn_##many##_get(const struct pn_##many *many,         \
							     const char *key)                      \
	{                                                                                          \
		return (const struct pn_##one *)(const void *)pn_informer_get(                     \
			pn_##many##_informer(many), key);                                          \
	}                                                                                          \
	static inline void pn_##many##_each(const struct pn_##many *many,                          \
					    struct pn_##many##_iter *ret)                          \
	{                                                                                          \
		pn_informer_each(pn_##many##_informer(many), &ret->iter);                          \
	}                                                                                          \
	static inline int pn_##many##_by_index(const struct pn_##many *many, const char *index,    \
					       const char *value, struct pn_##many##_iter *ret)    \
	{                                                                                          \
		return pn_informer_by_index(pn_##many##_informer(many), index, value, &ret->iter); \
	}                                                                                          \
	static inline int pn_##many##_by_ip(const struct pn_##many *many, const char *text,        \
					    struct pn_##many##_iter *ret)                          \
	{                                                                                          \
		return pn_informer_by_index(pn_##many##_informer(many), pn_indexer_ip.name, text,  \
					    &ret->iter);                                           \
	}                                                                                          \
	static inline int pn_##many##_by_addr(const struct pn_##many *many,                        \
					      const struct pn_addr *addr,                          \
					      struct pn_##many##_iter *ret)                        \
	{                                                                                          \
		return pn_informer_by_addr(pn_##many##_informer(many), pn_indexer_ip.name, addr,   \
					   &ret->iter);                                            \
	}

#define PN_INFORMER_KIND(many, one, id)                                                         \
	PN_INFORMER_FUNCTIONS(many, one)                                                        \
	static inline struct pn_##many *pn_factory_##many(                                      \
		struct pn_factory *f, const struct pn_informer_options *options,                \
		struct pn_err *reterr)                                                          \
	{                                                                                       \
		return (struct pn_##many *)(void *)pn_factory_informer(f, id, options, reterr); \
	}

PN_INFORMER_KIND(pods, pod, PN_KIND_POD)
PN_INFORMER_KIND(services, service, PN_KIND_SERVICE)
PN_INFORMER_KIND(nodes, node, PN_KIND_NODE)
PN_INFORMER_KIND(namespaces, namespace, PN_KIND_NAMESPACE)
PN_INFORMER_KIND(replicasets, replicaset, PN_KIND_REPLICASET)
PN_INFORMER_KIND(jobs, job, PN_KIND_JOB)
PN_INFORMER_KIND(endpointslices, endpointslice, PN_KIND_ENDPOINTSLICE)
PN_INFORMER_KIND(networkpolicies, networkpolicy, PN_KIND_NETWORKPOLICY)
PN_INFORMER_FUNCTIONS(generics, generic)

static inline struct pn_generics *pn_factory_generics(struct pn_factory *f,
						      const struct pn_resource *resource,
						      const struct pn_informer_options *options,
						      struct pn_err *reterr)
{
	return (struct pn_generics *)(void *)pn_factory_generic_informer(f, resource, options,
									 reterr);
}

#ifdef __cplusplus
}
#endif

#endif
