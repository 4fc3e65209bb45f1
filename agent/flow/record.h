/* SPDX-License-Identifier: Apache-2.0 */
#ifndef PN_FLOW_RECORD_H
#define PN_FLOW_RECORD_H

#include <stdbool.h>

#include "base/addr.h"
#include "base/clock.h"
#include "flow/drop_kind.h"
#include "index/index.h"

/** How an end's name was found. Histories keep the numbers: others go to the end. */
enum pn_attribution {
	PN_ATTR_CGROUP,	   /* its socket belongs to a pod or a process of this node: exact */
	PN_ATTR_IP,	   /* a pod had the address when the flow began */
	PN_ATTR_PORT,	   /* the address of a node, and the pod that has declared the port there */
	PN_ATTR_SERVICE,   /* only the Service that was called is known */
	PN_ATTR_NODE,	   /* the address of a node, and nothing about the port */
	PN_ATTR_CIDR,	   /* a network that the address lies in */
	PN_ATTR_AMBIGUOUS, /* several may have had the address when the flow began: no name */
	PN_ATTR_NONE,	   /* no name */
	PN_ATTR_STALE,	   /* a pod had it; another one may by now, of whom no news has come */
	PN_ATTR_MAX,	   /* sentinel */
};

const char *pn_attribution_name(enum pn_attribution a);

struct pn_record_end {
	struct pn_addr addr;
	uint16_t port; /* host byte order; ICMP: 0 */
	enum pn_attribution attribution;
	const struct pn_owner
		*owner; /* borrowed until the flow thread's quiescent state; NULL: no name */
	uint64_t packets, bytes; /* sent by this end; bytes on the IP layer, header included */
	uint64_t delivered;	 /* packets sent by this end that left towards a local pod */
	uint16_t tcp_flags;	 /* all flags this end has sent */
	uint32_t retransmits;	 /* TCP: segments sent again since the connection began */
};

/** How far a TCP connection has come, by the flags of both ends. */
enum pn_tcp_state {
	PN_TCP_OPENING,	    /* SYN, and no handshake yet */
	PN_TCP_REFUSED,	    /* SYN, answered by RST */
	PN_TCP_ESTABLISHED, /* or it was there before we looked */
	PN_TCP_CLOSING,	    /* FIN from one end */
	PN_TCP_CLOSED,	    /* FIN from both */
	PN_TCP_RESET,	    /* RST */
	PN_TCP_STATE_MAX,   /* sentinel */
};

const char *pn_tcp_state_name(enum pn_tcp_state s);

/** pn_tcp_state_of() - from all flags that opener and answerer have sent */
enum pn_tcp_state pn_tcp_state_of(unsigned int opener, unsigned int answerer);

/** struct pn_record_quote - the packet that an ICMP error is about */
struct pn_record_quote {
	struct pn_addr source, destination;
	uint16_t source_port, destination_port; /* host byte order */
	uint8_t proto;
};

/**
 * struct pn_record_drop - packets that this node has thrown away
 * @packets:   since the last record; 0: none
 * @total:     of that sort since it was first seen; only in a record of drops alone
 * @reason:    the kernel's word, without SKB_DROP_REASON_; "": it gives none
 * @location:  the function of the kernel
 * @ifindex, @netns: the interface that the first packet belonged to, and the inode of its network
 *	       namespace; 0: not known; only in a record of drops alone
 */
struct pn_record_drop {
	uint64_t packets, bytes, total;
	uint32_t ifindex, netns;
	pn_nsec last; /* CLOCK_MONOTONIC */
	const char *reason, *location;
	enum pn_drop_kind kind;
};

/**
 * struct pn_record_aggregate - what a record says of a minute instead of one connection; see export/history.h
 * @minute:	 its begin, CLOCK_REALTIME
 * @n_records:	 that are added up here
 * @n_connections: of which the first record is among them
 * @n_ended:	 of which the last one is
 * @many_addresses: an end without a name has several, and none is said
 */
struct pn_record_aggregate {
	pn_nsec minute;
	uint64_t n_records, n_connections, n_ended;
	bool many_addresses;
};

/** What network policies say of a connection. */
enum pn_expected {
	PN_EXPECTED_UNKNOWN, /* not judged yet, or by nobody */
	PN_EXPECTED_NONE, /* no matter of policies: no port, or an end that only seems to be known */
	PN_EXPECTED_ALLOWED,
	PN_EXPECTED_DENIED,
	PN_EXPECTED_MAX, /* sentinel */
};

/** pn_expected_name() - "allowed", "denied" */
const char *pn_expected_name(enum pn_expected e);

/**
 * struct pn_record_policy - judged once, when the connection is first told of
 * @by: the policy that decides, "NetworkPolicy/NAMESPACE/NAME" or "KIND/NAME", interned; NULL: none has
 *	anything to say
 * @is_ingress: it decides for the destination; else for the source
 * @is_late: policies of the ends have changed since the first packet or shortly before: these are those of now
 */
struct pn_record_policy {
	const char *by;
	enum pn_expected expected;
	bool is_ingress, is_late;
};

enum pn_flow_end {
	PN_FLOW_ACTIVE,	    /* goes on */
	PN_FLOW_CLOSED,	    /* TCP: FIN both ways, or RST */
	PN_FLOW_IDLE,	    /* nothing came for the idle timeout */
	PN_FLOW_REASSIGNED, /* an address went to another owner */
	PN_FLOW_LEFT,	    /* a pod's interface went */
	PN_FLOW_SHUTDOWN,   /* the agent stops */
	PN_FLOW_END_MAX,    /* sentinel */
};

const char *pn_flow_end_name(enum pn_flow_end e);

/**
 * struct pn_flow_record - what was seen of one connection since its last record
 *
 * `source` opened the connection. Through a Service, `destination` is the backend that answered,
 * and `service_*` say what the client called; if no backend is known, `destination` is the Service.
 * A headless Service has no address to call, so `service_addr` and `service_port` are of others only.
 */
struct pn_flow_record {
	uint64_t id;	    /* the same in all records of one connection */
	pn_nsec start, end; /* CLOCK_REALTIME: first packet of the connection, last one seen */
	uint8_t proto;	    /* IPPROTO_* */
	uint8_t icmp_type, icmp_code; /* of the opener; an echo is a request */
	bool is_v4;
	bool is_collapsed; /* not one connection: all between the two that the full table had no room for */
	uint32_t sampling; /* of so many connections one is recorded, this one: it stands for all */
	enum pn_flow_end state;
	struct pn_record_end source, destination;
	const struct pn_owner *service; /* NULL: none */
	bool is_headless;	     /* the Service that has the destination among its endpoints */
	bool no_endpoints;	     /* the Service was called, and nobody stands behind it */
	struct pn_addr service_addr; /* when service is set, and not headless */
	uint16_t service_port;
	enum pn_tcp_state tcp_state;	     /* TCP only */
	uint32_t rtt_us, min_rtt_us;	     /* TCP: smoothed, and lowest of late; 0: not known */
	const struct pn_record_quote *quote; /* of the last ICMP error; borrowed; NULL: none */
	struct pn_record_drop drop;
	bool is_first; /* no earlier record tells of this connection */
	const struct pn_record_aggregate
		*aggregate; /* borrowed; NULL: this is about one connection */
	bool is_drop; /* tells of drops alone: `source` has sent the packets, start and end are theirs */
	bool disagrees; /* the kernel did not do what policies say, see pn_record_disagrees() */
	struct pn_record_policy policy; /* `by` is borrowed */
};

/**
 * pn_record_disagrees() - denied, and it went through; or allowed, and dropped as a policy would
 *
 * Never of a connection that began near a change of policies: a plugin follows late, and lets go on
 * what was allowed. Of TCP the opening counts: later packets are lost for other reasons.
 */
bool pn_record_disagrees(const struct pn_flow_record *r);

#endif
