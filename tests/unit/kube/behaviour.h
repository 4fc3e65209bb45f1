/* SPDX-License-Identifier: Apache-2.0 */
#ifndef PN_TESTS_BEHAVIOUR_H
#define PN_TESTS_BEHAVIOUR_H

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <podonym/informer.h>

#include "tests/unit/kube/scripted_server.h"

/*
 * An informer before a scripted API server, used through the public header alone, and what it says:
 * each call of a handler is a word,
 *
 *	add default/a@1 init	update default/a@1->2	delete default/a@3 tomb	synced
 *
 * log_is() waits for the next words of a handler and compares them. What nobody has asked for when
 * the test ends, of words, requests and calls of the error hook, fails it.
 */

enum { MAX_RECORDERS = 8, MAX_TEXTS = 32768 };

/** struct texts - what was said, in order; @n_seen: of these the test knows */
struct texts {
	char **text;
	size_t n, n_seen;
};

/**
 * struct recorder - a handler that writes down its calls
 * @is_held:  calls do not return until let_go(); for handlers with threads of their own
 * @n_inside: calls that have begun
 */
struct recorder {
	struct behaviour *b;
	const struct pn_informer *inf;
	struct texts log;
	struct pn_registration *registration;
	bool is_held, ignores_rest;
	unsigned int n_inside;
};

/**
 * struct behaviour
 * @h:        the first handler, added by begin()
 * @errors:   calls of the error hook: "403 Forbidden"
 * @warnings: calls of the warning hook
 * @ignores_rest: what is left of words, requests and errors at the end is not looked at
 */
struct behaviour {
	struct api api;
	struct pn_factory *factory;
	struct pn_informer *inf;
	struct recorder *h, recorders[MAX_RECORDERS];
	unsigned int n_recorders;
	struct texts errors, warnings;
	bool ignores_rest;
	pthread_mutex_t lock;
	pthread_cond_t changed;
};

int behaviour_setup(void **state);
int behaviour_teardown(void **state);

/* Back-off for tests: what is tried again at once is told from what is not by which one passes. */
#define SOON                                                             \
	{                                                                \
		.initial_ms = 5, .factor = 1, .cap_ms = 5, .reset_ms = 1 \
	}
#define NEVER                                            \
	{                                                \
		.initial_ms = 3600000, .cap_ms = 7200000 \
	}

/** prepare() - a factory, an informer with a recorder; fields of struct pn_informer_options follow */
#define prepare(b, ...)                                      \
	behaviour_prepare(b, &(struct pn_informer_options) { \
				     .size = sizeof(struct pn_informer_options), __VA_ARGS__ })
void behaviour_prepare(struct behaviour *b, const struct pn_informer_options *options);

/** begin() - the same, and starts it */
#define begin(b, ...)                      \
	do {                               \
		prepare((b), __VA_ARGS__); \
		start(b);                  \
	} while (0)
void start(struct behaviour *b);

/** set_hooks() - the options with the hooks that write into @b */
struct pn_informer_options with_hooks(struct behaviour *b,
				      const struct pn_informer_options *options);

/** record() - one more handler; @options may be NULL */
struct recorder *record(struct behaviour *b, struct pn_informer *inf,
			const struct pn_handler_options *options);

/** record_call() - the handler itself, data is a struct recorder */
void record_call(const void *handler, void *data, const struct pn_notice *notice);

/** let_go() - calls of a held handler return from now on */
void let_go(struct recorder *r);

/** wait_inside() - until so many calls of a held handler have begun */
void wait_inside(struct recorder *r, unsigned int n);

/** log_is() - the next words are these, in this order; "" for nothing new yet */
void log_is(struct recorder *r, const char *words);

/** log_is_any_order() - the next words are these */
void log_is_any_order(struct recorder *r, const char *words);

/** log_skip() - wait until there are @n words in all, and take them as seen */
void log_skip(struct recorder *r, size_t n);

/** errors_are(), warnings_are() - as log_is() */
void errors_are(struct behaviour *b, const char *words);
void warnings_are(struct behaviour *b, const char *words);

/** errors_skip() - what the hook has been told so far is as good as seen */
void errors_skip(struct behaviour *b);

/** store_is() - the store holds exactly these "KEY@VERSION", at once or soon */
void store_is(struct behaviour *b, const char *objects);

/** index_is() - exactly these keys under the value, at once or soon */
void index_is(struct behaviour *b, const char *index, const char *value, const char *keys);

/** status_of() - pn_informer_status() of the informer */
struct pn_informer_status status_of(const struct behaviour *b);

/** until() - for what no event tells of: look again and again until it holds */
#define until(condition)                                                                  \
	do {                                                                              \
		int64_t until_ = api_now_ms() + API_GUARD_S * 1000;                       \
		while (!(condition)) {                                                    \
			if (api_now_ms() > until_)                                        \
				fail_msg("not within %d s: %s", API_GUARD_S, #condition); \
			behaviour_nap();                                                  \
		}                                                                         \
	} while (0)
void behaviour_nap(void);

/** fetch_list(), fetch_stream() - the usual beginning: a list and its open watch; a streaming list */
void fetch_list(struct behaviour *b, const char *version, const char *objects);
void fetch_stream(struct behaviour *b, const char *events);

#define scenario(name) cmocka_unit_test_setup_teardown(name, behaviour_setup, behaviour_teardown)

/** expect_relist() - end a watch so that a list from @version follows */
void expect_relist(struct behaviour *b, const char *version);

/** relist() - the same, and @objects of version @new are its answer; the watch from there on is open */
void relist(struct behaviour *b, const char *old, const char *new, const char *objects);

#endif
