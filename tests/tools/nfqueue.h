/* SPDX-License-Identifier: Apache-2.0 */
#ifndef PN_TESTS_NFQUEUE_H
#define PN_TESTS_NFQUEUE_H

/*
 * A program behind NFQUEUE that says no to everything, as some network plugins do to what a policy
 * denies.
 */
#include <arpa/inet.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netfilter/nfnetlink_queue.h>
#include <linux/netlink.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>
#include <sys/time.h>

/* In the network namespace of the caller. Waits at most @patience_s, 0: for ever. Return: a descriptor, or -1 */
static inline int nfqueue_open(uint16_t queue, int patience_s)
{
	struct {
		struct nlmsghdr head;
		struct nfgenmsg family;
		struct nlattr attr;
		struct nfqnl_msg_config_cmd bind;
		struct nlattr params_attr;
		struct nfqnl_msg_config_params params;
	} __attribute__((packed)) request = {
		.head = { .nlmsg_len = sizeof(request),
			  .nlmsg_type = NFNL_SUBSYS_QUEUE << 8 | NFQNL_MSG_CONFIG,
			  .nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK },
		.family = { .nfgen_family = AF_UNSPEC, .res_id = htons(queue) },
		.attr = { .nla_len = sizeof(request.attr) + sizeof(request.bind),
			  .nla_type = NFQA_CFG_CMD },
		.bind = { .command = NFQNL_CFG_CMD_BIND },
		.params_attr = { .nla_len = sizeof(request.params_attr) + sizeof(request.params),
				 .nla_type = NFQA_CFG_PARAMS },
		.params = { .copy_mode = NFQNL_COPY_META },
	};
	const struct timeval patience = { .tv_sec = patience_s };
	int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_NETFILTER);
	struct {
		struct nlmsghdr head;
		struct nlmsgerr error;
		char rest[256];
	} answer;

	(void)setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
	if (fd < 0 || send(fd, &request, sizeof(request), 0) < 0 ||
	    recv(fd, &answer, sizeof(answer), 0) < 0 || answer.error.error)
		return -1;
	return fd;
}

static inline uint32_t nfqueue_packet_id(const char *message, size_t len)
{
	size_t at = NLMSG_HDRLEN + sizeof(struct nfgenmsg);

	while (at + sizeof(struct nlattr) <= len) {
		const struct nlattr *a = (const void *)(message + at);

		if ((a->nla_type & NLA_TYPE_MASK) == NFQA_PACKET_HDR)
			return ((const struct nfqnl_msg_packet_hdr *)(const void *)(a + 1))
				->packet_id;
		if (a->nla_len < sizeof(*a))
			break;
		at += NLA_ALIGN(a->nla_len);
	}
	return 0;
}

/* To the next packet. Return: was there one in time? */
static inline bool nfqueue_say_no(int fd, uint16_t queue)
{
	struct {
		struct nlmsghdr head;
		struct nfgenmsg family;
		struct nlattr attr;
		struct nfqnl_msg_verdict_hdr verdict;
	} answer = {
		.head = { .nlmsg_len = sizeof(answer),
			  .nlmsg_type = NFNL_SUBSYS_QUEUE << 8 | NFQNL_MSG_VERDICT,
			  .nlmsg_flags = NLM_F_REQUEST },
		.family = { .res_id = htons(queue) },
		.attr = { .nla_len = sizeof(answer.attr) + sizeof(answer.verdict),
			  .nla_type = NFQA_VERDICT_HDR },
		.verdict = { .verdict = htonl(NF_DROP) },
	};
	_Alignas(8) char message[4096];
	ssize_t n = recv(fd, message, sizeof(message), 0);

	if (n <= 0)
		return false;
	answer.verdict.id = nfqueue_packet_id(message, (size_t)n);
	return send(fd, &answer, sizeof(answer), 0) == sizeof(answer);
}

#endif
