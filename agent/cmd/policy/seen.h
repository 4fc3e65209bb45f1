/* SPDX-License-Identifier: Apache-2.0 */
#ifndef PN_CMD_POLICY_SEEN_H
#define PN_CMD_POLICY_SEEN_H

#include <stdbool.h>
#include <stdint.h>

#include "base/addr.h"
#include "base/err.h"
#include "cmd/policy/record_line.h"

/*
 * What the kernel of this node saw of a flow, from the records and drops that its agent keeps; and
 * whether that agrees with what policies say.
 */

/** What became of a connection's first packets, as far as this node can tell. */
enum pn_seen_what {
	PN_SEEN_NOTHING,     /* of the flow there is no record */
	PN_SEEN_THROUGH,     /* answered: a handshake, or packets both ways */
	PN_SEEN_DELIVERED,   /* given to the destination, which has not answered yet */
	PN_SEEN_DROPPED,     /* by somebody's decision: policy-like */
	PN_SEEN_REJECTED,    /* the same, and the sender was told */
	PN_SEEN_NO_LISTENER, /* it reached its destination, where nobody listens */
	PN_SEEN_RESET,	     /* answered with a reset: by nobody knows whom */
	PN_SEEN_LOST,	     /* dropped for another reason */
	PN_SEEN_UNDELIVERED, /* sent, and not delivered on the same node */
	PN_SEEN_UNANSWERED,  /* sent, and nothing came back */
	PN_SEEN_WHAT_MAX,    /* sentinel */
};

/** pn_seen_name() - for programs: "dropped" */
const char *pn_seen_name(enum pn_seen_what what);

enum { PN_SEEN_TEXT = 64, PN_SEEN_KEY = 320, PN_SEEN_DROPS = 4 };

/** struct pn_seen_drop - packets thrown away for one reason at one place */
struct pn_seen_drop {
	char reason[PN_SEEN_TEXT], location[PN_SEEN_TEXT], kind[PN_SEEN_TEXT];
	uint64_t count;
};

/**
 * struct pn_seen - the newest connection of those that were asked for
 * @src, @dst:    its ends, "namespace/pod" or an address
 * @transport:    "tcp"; @port, @source_port: host byte order
 * @packets, @answers, @delivered: of all its records; delivered: of the packets, to a pod of this node
 * @is_local:     both ends are on one node, so that what was sent there had to be delivered there
 * @has_syn, @has_answer_syn: TCP: flags that source and destination have sent
 * @is_refused:   TCP: answered by a reset
 * @is_late:      policies changed near its first packet
 * @others:       there are other connections of the same sort, older ones
 * @drops:        of it, and where it is not known of its sort; @n_drops of them
 */
struct pn_seen {
	char id[PN_SEEN_TEXT], start[PN_SEEN_TEXT], end[PN_SEEN_TEXT];
	char transport[PN_SEEN_TEXT], state[PN_SEEN_TEXT];
	char src[PN_SEEN_KEY], dst[PN_SEEN_KEY];
	char src_addr[PN_ADDR_STRLEN], dst_addr[PN_ADDR_STRLEN];
	uint64_t port, source_port, packets, answers, delivered;
	bool is_local, has_syn, has_answer_syn, is_refused, is_late, others;
	unsigned int n_drops;
	struct pn_seen_drop drops[PN_SEEN_DROPS];
};

/**
 * pn_seen_take() - one record, of any connection that was asked for; those of the newest one add up
 */
void pn_seen_take(struct pn_seen *s, const struct pn_recorded_flow *f);

/** pn_seen_take_drop() - a line of drops, if it is about @s: between the same ends, of the same ports */
void pn_seen_take_drop(struct pn_seen *s, const struct pn_recorded_flow *drop);

enum pn_seen_what pn_seen_what(const struct pn_seen *s);

enum pn_agreement {
	PN_AGREES,
	PN_DISAGREES,
	PN_UNDECIDED, /* what was seen proves neither */
};

/** pn_seen_agreement() - @allow: what policies say. @ret_words: why, for a person; "" if there is no need */
enum pn_agreement pn_seen_agreement(const struct pn_seen *s, bool allow, const char **ret_words);

/** pn_seen_by_id() - a recorded flow by its flow_id. Return: 0; -ENOENT: no record of it is kept; a negative errno; all with @reterr */
int pn_seen_by_id(const char *socket, const char *id, struct pn_seen *ret, struct pn_err *reterr);

/** pn_seen_last_drop() - the flow of the newest drop, of one that somebody decided on if there is any. Return: likewise */
int pn_seen_last_drop(const char *socket, struct pn_seen *ret, struct pn_err *reterr);

/** pn_seen_between() - the newest connection between two addresses. Return: 0, with or without one; a negative errno with @reterr */
int pn_seen_between(const char *socket, const struct pn_addr *src, const struct pn_addr *dst,
		    const char *transport, uint16_t port, struct pn_seen *ret,
		    struct pn_err *reterr);

#endif
