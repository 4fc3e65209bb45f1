/* SPDX-License-Identifier: Apache-2.0 */
/*
 * packet-gen: sends packets of every kind through an interface, just as they are composed, and
 * packets changed at random. The last line says how many the kernel took; some it must refuse, such
 * as frames shorter than an Ethernet header.
 */
#include <errno.h>
#include <getopt.h>
#include <linux/if_packet.h>
#include <linux/virtio_net.h>
#include <net/if.h>
#include <netinet/ether.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#include "tests/tools/packet_kinds.h"
#include "tests/tools/packet_mutate.h"

static const char usage[] =
	"packet-gen -i IFACE --from ADDR,ADDR6,MAC --to ADDR,ADDR6,MAC [OPTIONS]\n"
	"\n"
	"  -i, --interface IFACE     where the packets leave\n"
	"      --from, --to ENDS     an IPv4 and an IPv6 address and the MAC address that goes "
	"with them\n"
	"      --kind NAME           one kind of packet, all, or none (default all)\n"
	"      --mutations N         send so many packets changed at random as well (default "
	"2000)\n"
	"      --seed SEED           which ones (default: another number each time)\n"
	"      --repeat N            send each kind so often (default 1)\n"
	"      --list                print the names of all kinds\n";

struct options {
	const char *interface, *kind;
	struct packet_ends ends;
	unsigned long mutations, repeat;
	unsigned long long seed;
};

struct wire {
	int fd;
	unsigned long n_sent, n_refused;
};

static __attribute__((noreturn)) void fail(const char *what, const char *why)
{
	(void)fprintf(stderr, "packet-gen: %s: %s\n", what, why);
	exit(1);
}

static __attribute__((noreturn)) void misuse(const char *what)
{
	(void)fprintf(stderr, "packet-gen: %s\n%s", what, usage);
	exit(2);
}

/* ADDR,ADDR6,MAC; cuts @text at its commas, which it keeps. */
static void parse_ends(char *text, const char *addr[PACKET_FAMILIES], uint8_t mac[6])
{
	const struct ether_addr *parsed;
	uint8_t binary[16];
	char *at = text;

	addr[PACKET_V4] = strsep(&at, ",");
	addr[PACKET_V6] = strsep(&at, ",");
	if (!at || inet_pton(AF_INET, addr[PACKET_V4], binary) != 1 ||
	    inet_pton(AF_INET6, addr[PACKET_V6], binary) != 1)
		misuse("ends look like 10.0.0.1,fd00::1,02:00:00:00:00:01");
	parsed = ether_aton(at);
	if (!parsed)
		misuse("the last part of an end is a MAC address");
	(void)memcpy(mac, parsed, 6);
}

static unsigned long long parse_number(const char *text, const char *option)
{
	unsigned long long n;
	char *end;

	errno = 0;
	n = strtoull(text, &end, 10);
	if (errno || *text < '0' || *text > '9' || *end) {
		(void)fprintf(stderr, "packet-gen: %s: \"%s\" is not a number\n", option, text);
		exit(2);
	}
	return n;
}

static unsigned long long random_seed(void)
{
	uint32_t seed;

	if (getentropy(&seed, sizeof(seed)) < 0)
		fail("a random seed", strerror(errno));
	return seed;
}

static void list_kinds(void)
{
	for (const struct packet_kind *k = packet_kinds; k->name; k++)
		(void)puts(k->name);
	exit(0);
}

static void parse_options(int argc, char **argv, struct options *o)
{
	static const struct option options[] = {
		{ "interface", required_argument, NULL, 'i' },
		{ "from", required_argument, NULL, 'f' },
		{ "to", required_argument, NULL, 't' },
		{ "kind", required_argument, NULL, 'k' },
		{ "mutations", required_argument, NULL, 'm' },
		{ "seed", required_argument, NULL, 's' },
		{ "repeat", required_argument, NULL, 'r' },
		{ "list", no_argument, NULL, 'l' },
		{ "help", no_argument, NULL, 'h' },
		{ NULL, 0, NULL, 0 },
	};
	int c;

	while ((c = getopt_long(argc, argv, "i:h", options, NULL)) != -1) {
		switch (c) {
		case 'i':
			o->interface = optarg;
			break;
		case 'f':
			parse_ends(optarg, o->ends.src, o->ends.src_mac);
			break;
		case 't':
			parse_ends(optarg, o->ends.dst, o->ends.dst_mac);
			break;
		case 'k':
			o->kind = optarg;
			break;
		case 'm':
			o->mutations = parse_number(optarg, "--mutations");
			break;
		case 's':
			o->seed = parse_number(optarg, "--seed");
			break;
		case 'r':
			o->repeat = parse_number(optarg, "--repeat");
			break;
		case 'l':
			list_kinds();
			break;
		case 'h':
			(void)fputs(usage, stdout);
			exit(0);
		default:
			exit(2);
		}
	}
	if (optind < argc)
		misuse("there are no operands");
	if (!o->interface || !o->ends.src[PACKET_V4] || !o->ends.dst[PACKET_V4])
		misuse("-i, --from and --to must be given");
}

static int open_wire(const char *interface)
{
	struct sockaddr_ll at = { .sll_family = AF_PACKET,
				  .sll_ifindex = (int)if_nametoindex(interface) };
	int fd, on = 1;

	if (!at.sll_ifindex)
		fail(interface, "there is no such interface");
	fd = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0);
	if (fd < 0)
		fail("a packet socket", strerror(errno));
	if (setsockopt(fd, SOL_PACKET, PACKET_VNET_HDR, &on, sizeof(on)) < 0 ||
	    bind(fd, (struct sockaddr *)&at, sizeof(at)) < 0)
		fail(interface, strerror(errno));
	return fd;
}

static void transmit(void *data, const struct packet *p, const struct packet_gso *gso)
{
	static uint8_t zeros[65536];
	struct virtio_net_hdr head = {};
	struct packet copy = *p;
	struct iovec parts[] = {
		{ .iov_base = &head, .iov_len = sizeof(head) },
		{ .iov_base = copy.b, .iov_len = copy.len },
		{ .iov_base = zeros, .iov_len = gso ? gso->payload_len : 0 },
	};
	struct wire *w = data;

	if (gso) {
		head.flags = VIRTIO_NET_HDR_F_NEEDS_CSUM;
		head.gso_type = gso->type;
		head.gso_size = gso->size;
		head.hdr_len = gso->header_len;
		head.csum_start = gso->csum_start;
		head.csum_offset = gso->csum_offset;
	}
	if (writev(w->fd, parts, 3) >= 0)
		w->n_sent++;
	else if (errno == EINVAL || errno == EMSGSIZE)
		w->n_refused++;
	else
		fail("sending", strerror(errno));
}

static void send_kinds(struct packet_sender *s, const struct options *o)
{
	bool all = strcmp(o->kind, "all") == 0, found = all || strcmp(o->kind, "none") == 0;

	for (const struct packet_kind *k = packet_kinds; k->name; k++) {
		struct wire *w = s->data;
		unsigned long n = w->n_sent;

		if (!all && strcmp(k->name, o->kind) != 0)
			continue;
		found = true;
		k->send_all(s);
		(void)printf("%s: %lu\n", k->name, w->n_sent - n);
	}
	if (!found)
		misuse("--kind: there is no such kind, see --list");
}

int main(int argc, char **argv)
{
	struct options o = { .kind = "all", .mutations = 2000, .repeat = 1, .seed = random_seed() };
	struct wire wire = {};
	struct packet_sender s = { .send = transmit, .data = &wire };

	parse_options(argc, argv, &o);
	wire.fd = open_wire(o.interface);
	for (unsigned long i = 0; i < o.repeat; i++) {
		s.ends = o.ends;
		s.port = 10000;
		s.id = 1;
		send_kinds(&s, &o);
	}
	s.port = 10000;
	s.id = 1;
	if (packet_mutate(&s, o.mutations, o.seed) < 0)
		fail("mutations", strerror(ENOMEM));
	(void)printf("seed %llu: %lu mutations\n", o.seed, o.mutations);
	(void)printf("sent %lu, refused %lu\n", wire.n_sent, wire.n_refused);
	return 0;
}
