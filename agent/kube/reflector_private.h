/* SPDX-License-Identifier: Apache-2.0 */
#ifndef PN_KUBE_REFLECTOR_PRIVATE_H
#define PN_KUBE_REFLECTOR_PRIVATE_H

#include "base/buf.h"
#include "kube/reflector.h"

/*
 * What the reflector's files share. A request is of one of three phases; how its answer ended is
 * put into one struct pn_ending, and from that each phase decides what comes next: another request
 * at once, or a pause before it.
 */

enum pn_phase {
	PN_PHASE_STREAM, /* a watch that begins with all objects; after the end mark a PN_PHASE_WATCH */
	PN_PHASE_LIST,
	PN_PHASE_WATCH,
};

/**
 * struct pn_listing - one attempt at a list, of as many requests as it takes
 * @is_decided: @is_paged and @is_from_zero hold for this attempt
 * @is_paged:   asked for in pages
 * @is_from_zero: the version first asked for was "0"
 * @is_whole:   without a limit after all: its pages expired before their end
 * @has_pages:  came in more than one page
 * @is_begun:   the caller has been told, and nothing of the end
 * @rv:         of the first page
 * @token:      of the next page; "": the first one
 */
struct pn_listing {
	bool is_decided, is_paged, is_from_zero;
	bool is_whole, has_pages, is_begun;
	pn_nsec begun_at;
	char rv[PN_OBJECT_RV_LEN];
	char token[PN_CONTINUE_LEN];
};

/**
 * struct pn_answer - what is known of the answer that is coming in
 * @is_asked:    there is a request
 * @http_status: 0: no headers yet
 * @since:       a watch that ends within a second of this, without an event, is a short one
 * @open_since:  it is good since then; of a stream: the changes come since then
 * @error:       why pn_reflector_data() gave up; @err says it, if it needs words
 * @is_local:    @error comes from the caller's ops, or is lack of memory
 */
struct pn_answer {
	bool is_asked;
	int http_status, retry_after_s;
	pn_nsec asked_at, since, open_since;
	bool has_event, has_error_event, is_late;
	struct pn_status error_event;
	int error;
	bool is_local;
	struct pn_err err;
};

enum pn_end {
	PN_END_COMPLETE,   /* of a list: the whole of it; of a watch: it was going well */
	PN_END_CUT,	   /* in the middle of a good answer */
	PN_END_OVERLOADED, /* 429 */
	PN_END_EXPIRED,	   /* the version or the continue token is too old, or too new */
	PN_END_INTERNAL,   /* an ERROR event that says so, or an event that cannot be understood */
	PN_END_REFUSED,	   /* everything else that a server may say */
	PN_END_FOREIGN,	   /* an answer in an encoding that was not asked for */
	PN_END_ABSENT,	   /* the server is not there */
	PN_END_UNREACHED,  /* no answer for another reason: name, route, certificate, credentials */
	PN_END_LOCAL,	   /* no memory, or the caller's ops failed */
};

/**
 * struct pn_ending - how a request ended
 * @result:   as pn_reflector_done() was told
 * @is_event: the server said it in an ERROR event of a good answer
 * @status:   what it said; code 0: nothing
 * @words:    the same for people
 */
struct pn_ending {
	enum pn_end how;
	int result;
	bool is_event;
	struct pn_status status;
	char words[512];
};

struct pn_reflector {
	struct pn_reflector_config config; /* without its strings: they are in @base */
	struct pn_buf base; /* the collection's path and what every request asks for */

	enum pn_phase phase;
	pn_nsec wait_until;
	bool is_server_absent;	   /* that is what the wait is for */
	char rv[PN_OBJECT_RV_LEN]; /* the last one seen; "" before the first list */
	bool is_rv_unusable;	   /* too old or too new for a list: ask without one */
	bool has_pages;		   /* this server pages even a list at version 0 */
	struct pn_listing list;
	unsigned int n_repeats; /* of the same request, because the server asked for it */
	unsigned int n_early;	/* streaming lists in a row that ended before the end mark */
	unsigned int
		n_resumes; /* watches from a version of before that may still fail; 0: it holds */
	pn_nsec internal_since, internal_last; /* InternalError events of this cycle's watches */

	struct pn_answer answer;
	struct pn_wire *wire;
	struct pn_buf body; /* of an answer that is not 200 */
	struct pn_buf path;

	pn_nsec last_contact, last_good;
	pn_nsec current; /* as of the last list, or of a watch that is over */
	unsigned int n_failures;
	bool is_absent;
	struct pn_err last_error;
	uint64_t n_lists, n_watches, n_short_watches, n_events, n_refused;
	pn_nsec list_time;
};

/** pn_reflector_is_current() - a watch is open, and what it had to make up for is through */
bool pn_reflector_is_current(const struct pn_reflector *r);

static inline pn_nsec pn_reflector_now(const struct pn_reflector *r)
{
	return pn_clock_now(r->config.clock);
}

/* --- reflector_request.c: what is asked for --- */

/** pn_reflector_base() - fills in .base. Return: 0, -ENOMEM, -EINVAL */
int pn_reflector_base(struct pn_reflector *r, const struct pn_reflector_config *config);

/** pn_reflector_list_version() - the resourceVersion that a list asks for */
const char *pn_reflector_list_version(const struct pn_reflector *r);

/** pn_reflector_request() - .path for the phase's next request. Return: 0 or -ENOMEM, -EMSGSIZE */
int pn_reflector_request(struct pn_reflector *r, struct pn_reflector_step *ret);

/* --- reflector_list.c: lists, streamed or not --- */

int pn_reflector_begin_list(struct pn_reflector *r);

/** pn_reflector_drop_list() - forget the attempt */
void pn_reflector_drop_list(struct pn_reflector *r);

/** pn_reflector_complete_list() - what was collected is the truth at @rv, and a watch comes next */
void pn_reflector_complete_list(struct pn_reflector *r, const char *rv);

void pn_reflector_list_done(struct pn_reflector *r, int result, const struct pn_err *err);
void pn_reflector_stream_done(struct pn_reflector *r, int result, const struct pn_err *err);

/* --- reflector_watch.c: watches, and what the bodies say --- */

extern const struct pn_wire_ops pn_reflector_wire_ops;

void pn_reflector_watch_done(struct pn_reflector *r, int result, const struct pn_err *err);

/** pn_reflector_was_short() - the stream ended within a second and without an event */
bool pn_reflector_was_short(const struct pn_reflector *r);

/* --- reflector_resume.c: the first watch, if there is a state from before --- */

/** pn_reflector_resume_ended() - such a watch is over. Return: false if it ended as any other may */
bool pn_reflector_resume_ended(struct pn_reflector *r, const struct pn_ending *end);

/* --- reflector_end.c: how answers end, and the pauses that follow --- */

void pn_reflector_ending(struct pn_reflector *r, int result, const struct pn_err *err,
			 struct pn_ending *ret);

/** pn_reflector_cycle() - the phase that a new cycle begins with */
enum pn_phase pn_reflector_cycle(const struct pn_reflector *r);

/** pn_reflector_note() - remember a failure, without a pause */
void pn_reflector_note(struct pn_reflector *r, const struct pn_ending *end);

/** pn_reflector_pause() - note it, and pause; then comes a request of phase @next */
void pn_reflector_pause(struct pn_reflector *r, const struct pn_ending *end, enum pn_phase next);

/** pn_reflector_tell() - after pn_reflector_pause(): the error hook is to hear of it */
void pn_reflector_tell(struct pn_reflector *r, const struct pn_ending *end);

/** pn_reflector_repeats() - Return: true if the same request comes again, after a pause and untold */
bool pn_reflector_repeats(struct pn_reflector *r, const struct pn_ending *end);

#endif
