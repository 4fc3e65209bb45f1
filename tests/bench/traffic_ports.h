/* SPDX-License-Identifier: Apache-2.0 */
#ifndef PN_BENCH_TRAFFIC_PORTS_H
#define PN_BENCH_TRAFFIC_PORTS_H

/* Where traffic_sink listens and traffic_gen sends to. */
enum {
	PORT_UDP = 9000,
	PORT_BULK = 9001,
	PORT_REQUESTS = 9002,
	REQUEST_BYTES = 64, /* and its answer's */
};

#endif
