/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Short-lived pods that take turns on the same addresses, with real traffic right after each begins
 * and right before it ends, and an API server that hears of them late. tests/bench/accuracy runs it
 * and compares what the agent made of it with the truth that this program writes down.
 *
 *   accuracy_pods --api PORT --cgroup DIR --truth FILE [--addresses N] [--flows N] [--delay MS]
 *                 [--life MS] [--seed N]
 *
 * Runs in the network namespace that stands for the node. A pod is a process in a network namespace
 * and in a cgroup named as kubelet would; what it is called, its server tells every caller, so a
 * client knows for certain which pod it has talked to. A line of the truth is
 *
 *   SOURCE-ADDRESS SOURCE-PORT DESTINATION-ADDRESS DESTINATION-PORT SOURCE-POD DESTINATION-POD
 *
 * with "-" for a destination that did not answer. In the end it prints how late the latest event came, in ms.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/util.h"
#include "tests/bench/pod_network.h"

enum {
	PORT = 7000,
	MAX_SLOTS = 1000,
	CALLS = 4,	/* after the beginning and before the end, each */
	CALL_MS = 400,	/* how long a caller waits */
	CUT_MS = 7000,	/* the watches are cut about so often */
	ATTACH_MS = 60, /* from the interface to the first packet, as a container takes to start */
	MAX_LATE = 100000, /* events under way */
	NAME_LEN = 64,
};

struct slot {
	pid_t pid;
	unsigned int generation;
	double ends, started;
	int64_t add_due_ms;
	char name[NAME_LEN], uid[37];
};

/* struct late - a request that the API server gets at @due_ms, of what has happened at @since_ms */
struct late {
	int64_t due_ms, since_ms;
	char *text;
};

static struct {
	const char *api, *cgroup, *truth;
	unsigned int addresses, flows, delay_ms, life_ms, seed;
} opt = { .addresses = 200, .flows = 20000, .delay_ms = 3000, .life_ms = 4000, .seed = 1 };

static struct slot slots[MAX_SLOTS];
static struct late late[MAX_LATE];
static size_t n_late;
static int64_t latest_ms; /* which on a busy machine is more than was asked for */
static int node_ns, truth_fd;
static atomic_uint *n_flows; /* of all pods, in memory that they share */

static void die(const char *what)
{
	(void)fprintf(stderr, "accuracy_pods: %s: %s\n", what, strerror(errno));
	exit(1);
}

static int64_t now_ms(void)
{
	struct timespec t;

	(void)clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static void sleep_ms(unsigned int ms)
{
	(void)poll(NULL, 0, (int)ms);
}

static unsigned int draw(unsigned int below)
{
	return below ? (unsigned int)rand() % below : 0; /* NOLINT: repeatable on purpose */
}

static void v4_of(unsigned int slot, char *buf, size_t size)
{
	(void)snprintf(buf, size, "10.88.%u.%u", slot / 200, slot % 200 + 10);
}

static void v6_of(unsigned int slot, char *buf, size_t size)
{
	(void)snprintf(buf, size, "fd00:88::%x", slot + 16);
}

/* --- the API server, late ------------------------------------------------------------------------ */

static void send_request(const char *text)
{
	struct sockaddr_in to = { .sin_family = AF_INET,
				  .sin_port = htons((uint16_t)atoi(opt.api)),
				  .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	char answer[4096];
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	ssize_t n;

	if (fd < 0 || connect(fd, (struct sockaddr *)&to, sizeof(to)) < 0)
		die("the API server");
	if (send(fd, text, strlen(text), MSG_NOSIGNAL) != (ssize_t)strlen(text))
		die("sending to the API server");
	n = recv(fd, answer, sizeof(answer) - 1, 0);
	answer[n > 0 ? n : 0] = '\0';
	if (strncmp(answer, "HTTP/1.1 20", 11) != 0) {
		(void)fprintf(stderr, "accuracy_pods: the API server says %.60s\n", answer);
		exit(1);
	}
	while (n > 0)
		n = recv(fd, answer, sizeof(answer), 0);
	(void)close(fd);
}

static void send_later(int64_t due_ms, int64_t since_ms, char *text)
{
	if (n_late == MAX_LATE)
		die("too many events under way");
	late[n_late++] = (struct late) { due_ms, since_ms, text };
}

/* In the order in which they are due: a deletion never comes before its creation. */
static void send_due(int64_t now)
{
	for (;;) {
		size_t first = 0;

		for (size_t i = 1; i < n_late; i++) {
			if (late[i].due_ms < late[first].due_ms)
				first = i;
		}
		if (!n_late || late[first].due_ms > now)
			return;
		send_request(late[first].text);
		latest_ms = PN_MAX(latest_ms, now_ms() - late[first].since_ms);
		free(late[first].text);
		late[first] = late[--n_late];
	}
}

static char *request(const char *method, const char *path, const char *body)
{
	char *text;

	if (asprintf(&text,
		     "%s %s HTTP/1.1\r\nHost: node\r\nConnection: close\r\n"
		     "Content-Type: application/json\r\nContent-Length: %zu\r\n\r\n%s",
		     method, path, strlen(body), body) < 0)
		die("a request");
	return text;
}

static void announce(unsigned int i, int64_t now)
{
	struct slot *s = &slots[i];
	char v4[32], v6[32], start[32], *body;
	time_t t = time(NULL);
	struct tm tm;

	v4_of(i, v4, sizeof(v4));
	v6_of(i, v6, sizeof(v6));
	(void)strftime(start, sizeof(start), "%Y-%m-%dT%H:%M:%SZ", gmtime_r(&t, &tm));
	if (asprintf(&body,
		     "{\"apiVersion\":\"v1\",\"kind\":\"Pod\",\"metadata\":{\"namespace\":\"load\","
		     "\"name\":\"%s\",\"uid\":\"%s\",\"creationTimestamp\":\"%s\"},"
		     "\"spec\":{\"nodeName\":\"bench-node\"},\"status\":{\"phase\":\"Running\","
		     "\"startTime\":\"%s\",\"podIP\":\"%s\",\"podIPs\":[{\"ip\":\"%s\"},"
		     "{\"ip\":\"%s\"}]}}",
		     s->name, s->uid, start, start, v4, v4, v6) < 0)
		die("a pod");
	s->add_due_ms = now + draw(opt.delay_ms + 1);
	send_later(s->add_due_ms, now, request("POST", "/api/v1/namespaces/load/pods", body));
	free(body);
}

static void take_back(const struct slot *s, int64_t now)
{
	int64_t due = now + draw(opt.delay_ms + 1);
	char path[128];

	(void)snprintf(path, sizeof(path), "/api/v1/namespaces/load/pods/%s", s->name);
	send_later(due > s->add_due_ms ? due : s->add_due_ms + 1, now, request("DELETE", path, ""));
}

/* --- inside a pod -------------------------------------------------------------------------------- */

static volatile sig_atomic_t is_ending;

static void on_term(int signum)
{
	(void)signum;
	is_ending = 1;
}

static void join_cgroup(const struct slot *s)
{
	char path[512], uid[37];
	FILE *f;

	for (size_t i = 0; i < sizeof(uid); i++)
		uid[i] = (char)(s->uid[i] == '-' ? '_' : s->uid[i]);
	(void)snprintf(path, sizeof(path), "%s/kubepods-pod%s.slice", opt.cgroup, uid);
	if (mkdir(path, 0755) < 0)
		die(path);
	(void)snprintf(path, sizeof(path), "%s/kubepods-pod%s.slice/cri-containerd-%08x.scope",
		       opt.cgroup, uid, s->generation);
	if (mkdir(path, 0755) < 0)
		die(path);
	(void)strncat(path, "/cgroup.procs", sizeof(path) - strlen(path) - 1);
	f = fopen(path, "w");
	if (!f || fprintf(f, "0\n") < 0 || fclose(f) != 0)
		die(path);
}

static void leave_cgroup(const struct slot *s)
{
	char path[512], uid[37];

	for (size_t i = 0; i < sizeof(uid); i++)
		uid[i] = (char)(s->uid[i] == '-' ? '_' : s->uid[i]);
	(void)snprintf(path, sizeof(path), "%s/kubepods-pod%s.slice/cri-containerd-%08x.scope",
		       opt.cgroup, uid, s->generation);
	(void)rmdir(path);
	(void)snprintf(path, sizeof(path), "%s/kubepods-pod%s.slice", opt.cgroup, uid);
	(void)rmdir(path);
}

/* Leaves the caller in the node's namespace. Return: the pod's */
static int make_network(unsigned int i)
{
	char v4[32], v6[32], dev[32];
	int own_ns;

	v4_of(i, v4, sizeof(v4));
	v6_of(i, v6, sizeof(v6));
	(void)snprintf(dev, sizeof(dev), "s%u-%u", i, slots[i].generation);
	if (unshare(CLONE_NEWNET) < 0)
		die("a network namespace");
	own_ns = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
	pn_pod_end_make(v4, v6, dev, getppid());
	if (own_ns < 0 || setns(node_ns, CLONE_NEWNET) < 0)
		die("the node's namespace");
	pn_host_end_make(v4, v6, dev);
	return own_ns;
}

static int make_server(void)
{
	struct sockaddr_in6 any = { .sin6_family = AF_INET6, .sin6_port = htons(PORT) };
	int fd = socket(AF_INET6, SOCK_STREAM | SOCK_NONBLOCK, 0), zero = 0;

	(void)setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &zero, sizeof(zero));
	if (fd < 0 || bind(fd, (struct sockaddr *)&any, sizeof(any)) < 0 || listen(fd, 128) < 0)
		die("a server");
	return fd;
}

/* Whoever calls hears the pod's name. */
static void answer(int server, const struct slot *s)
{
	int fd = accept4(server, NULL, NULL, SOCK_CLOEXEC);

	if (fd < 0)
		return;
	(void)send(fd, s->name, strlen(s->name), MSG_NOSIGNAL);
	(void)close(fd);
}

static void write_truth(int fd, const struct sockaddr_in6 *to, const char *source,
			const char *destination)
{
	char line[256], from_text[64], to_text[64];
	struct sockaddr_in6 from = { .sin6_port = 0 };
	socklen_t len = sizeof(from);
	int n;

	(void)getsockname(fd, (struct sockaddr *)&from, &len);
	(void)inet_ntop(AF_INET6, &from.sin6_addr, from_text, sizeof(from_text));
	(void)inet_ntop(AF_INET6, &to->sin6_addr, to_text, sizeof(to_text));
	n = snprintf(line, sizeof(line), "%s %u %s %u %s %s\n",
		     from_text + (strncmp(from_text, "::ffff:", 7) == 0 ? 7 : 0),
		     ntohs(from.sin6_port), to_text + (strncmp(to_text, "::ffff:", 7) == 0 ? 7 : 0),
		     PORT, source, destination);
	if (write(truth_fd, line, (size_t)n) != n)
		die("the truth");
	(void)atomic_fetch_add(n_flows, 1);
}

/* Serves meanwhile, as two pods may call each other at once. */
static void call(int server, const struct slot *s, unsigned int slot, bool v6)
{
	struct sockaddr_in6 to = { .sin6_family = AF_INET6, .sin6_port = htons(PORT) };
	int fd = socket(AF_INET6, SOCK_STREAM | SOCK_NONBLOCK, 0);
	struct pollfd p[] = { { fd, POLLIN, 0 }, { server, POLLIN, 0 } };
	int64_t end = now_ms() + CALL_MS;
	char text[64] = "::ffff:", name[NAME_LEN] = "-";
	ssize_t n = -1;

	if (v6)
		v6_of(slot, text, sizeof(text));
	else
		v4_of(slot, text + 7, sizeof(text) - 7);
	if (fd < 0 || inet_pton(AF_INET6, text, &to.sin6_addr) != 1)
		die("a call");
	(void)connect(fd, (struct sockaddr *)&to, sizeof(to));
	while (n < 0 && now_ms() < end) {
		(void)poll(p, 2, (int)(end - now_ms()));
		if (p[1].revents & POLLIN)
			answer(server, s);
		if (p[0].revents) {
			n = recv(fd, name, sizeof(name) - 1, 0);
			if (n < 0) /* refused, or nobody has the address */
				break;
		}
	}
	if (n > 0)
		name[n] = '\0';
	write_truth(fd, &to, s->name, n > 0 ? name : "-");
	(void)close(fd);
}

static void call_some(int server, const struct slot *s, unsigned int own)
{
	for (int i = 0; i < CALLS; i++) {
		unsigned int slot = draw(opt.addresses);

		call(server, s, slot == own ? (slot + 1) % opt.addresses : slot, i % 2);
	}
}

/* SIGTERM is only let through while it waits: what it does before is never cut short. */
static void be_pod(unsigned int i, const sigset_t *unblocked)
{
	const struct slot *s = &slots[i];
	struct sigaction on = { .sa_handler = on_term };
	int server, own_ns;
	struct pollfd p;

	(void)sigaction(SIGTERM, &on, NULL);
	(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
	srand(opt.seed * 7919 + s->generation * MAX_SLOTS + i);
	join_cgroup(s);
	own_ns = make_network(i);
	if (setns(own_ns, CLONE_NEWNET) < 0)
		die("the pod's namespace");
	server = make_server();
	sleep_ms(ATTACH_MS);
	call_some(server, s, i);
	p = (struct pollfd) { server, POLLIN, 0 };
	while (!is_ending) {
		if (ppoll(&p, 1, NULL, unblocked) > 0)
			answer(server, s);
	}
	call_some(server, s, i);
	pn_pod_end_remove();
	_exit(0);
}

/* --- the node ------------------------------------------------------------------------------------ */

static void begin_pod(unsigned int i, int64_t now)
{
	struct slot *s = &slots[i];
	sigset_t term, unblocked;

	s->generation++;
	(void)snprintf(s->name, sizeof(s->name), "pod-%u-%u", i, s->generation);
	(void)snprintf(s->uid, sizeof(s->uid), "%08x-%04x-4000-8000-%012x", i,
		       s->generation & 0xffff, s->generation);
	s->ends = (double)now + opt.life_ms / 2.0 + draw(opt.life_ms);
	(void)sigemptyset(&term);
	(void)sigaddset(&term, SIGTERM);
	(void)sigprocmask(SIG_BLOCK, &term, &unblocked);
	s->pid = fork();
	if (s->pid < 0)
		die("fork");
	if (s->pid == 0)
		be_pod(i, &unblocked);
	(void)sigprocmask(SIG_SETMASK, &unblocked, NULL);
	announce(i, now);
}

static void end_pods(int64_t now, bool is_over)
{
	for (unsigned int i = 0; i < opt.addresses; i++) {
		struct slot *s = &slots[i];

		if (s->pid && (is_over || (double)now >= s->ends) && s->ends > 0) {
			(void)kill(s->pid, SIGTERM);
			s->ends = 0; /* it makes its last calls */
		}
	}
}

static unsigned int slot_of(pid_t pid)
{
	unsigned int i = 0;

	while (i < opt.addresses && slots[i].pid != pid)
		i++;
	return i;
}

/* Whose process has ended; its address goes to the next pod at once. Return: how many are left */
static unsigned int replace_pods(int64_t now, bool is_over)
{
	unsigned int n = 0;
	int status;
	pid_t pid;

	while ((pid = waitpid(-1, &status, WNOHANG)) > 0) {
		unsigned int i = slot_of(pid);

		if (i == opt.addresses)
			continue;
		if (status) {
			(void)fprintf(stderr, "accuracy_pods: %s ended with status %#x\n",
				      slots[i].name, (unsigned int)status);
			exit(1);
		}
		leave_cgroup(&slots[i]);
		take_back(&slots[i], now);
		slots[i].pid = 0;
		if (!is_over)
			begin_pod(i, now);
	}
	for (unsigned int i = 0; i < opt.addresses; i++)
		n += slots[i].pid != 0;
	return n;
}

static void run(void)
{
	int64_t start = now_ms(), next_cut = start + CUT_MS, now;
	bool is_over = false;
	unsigned int begun = 0, left;

	do {
		now = now_ms();
		/* not all at once: the first ones are spread over a life */
		if (begun < opt.addresses &&
		    now - start >= (int64_t)begun * opt.life_ms / opt.addresses)
			begin_pod(begun++, now);
		is_over = is_over || *n_flows >= opt.flows;
		end_pods(now, is_over);
		left = replace_pods(now, is_over);
		send_due(now);
		if (now >= next_cut) {
			char *cut = request("POST", "/testapi/cut", "");

			send_request(cut);
			free(cut);
			next_cut = now + CUT_MS / 2 + draw(CUT_MS);
		}
		sleep_ms(5);
	} while (!is_over || left || n_late);
}

static unsigned int number(const char *text, unsigned int most)
{
	unsigned long n = strtoul(text, NULL, 10);

	if (n > most) {
		(void)fprintf(stderr, "accuracy_pods: %s: at most %u\n", text, most);
		exit(2);
	}
	return (unsigned int)n;
}

static void read_options(int argc, char **argv)
{
	static const struct option longs[] = {
		{ "api", 1, NULL, 'a' },   { "cgroup", 1, NULL, 'c' },
		{ "truth", 1, NULL, 't' }, { "addresses", 1, NULL, 'n' },
		{ "flows", 1, NULL, 'f' }, { "delay", 1, NULL, 'd' },
		{ "life", 1, NULL, 'l' },  { "seed", 1, NULL, 's' },
		{ NULL, 0, NULL, 0 },
	};
	int o;

	while ((o = getopt_long(argc, argv, "", longs, NULL)) != -1) {
		switch (o) {
		case 'a':
			opt.api = optarg;
			break;
		case 'c':
			opt.cgroup = optarg;
			break;
		case 't':
			opt.truth = optarg;
			break;
		case 'n':
			opt.addresses = number(optarg, MAX_SLOTS);
			break;
		case 'f':
			opt.flows = number(optarg, 10000000);
			break;
		case 'd':
			opt.delay_ms = number(optarg, 600000);
			break;
		case 'l':
			opt.life_ms = number(optarg, 600000);
			break;
		case 's':
			opt.seed = number(optarg, 1000000);
			break;
		default:
			exit(2);
		}
	}
	if (!opt.api || !opt.cgroup || !opt.truth || opt.addresses < 2) {
		(void)fprintf(stderr, "accuracy_pods: --api, --cgroup and --truth are needed\n");
		exit(2);
	}
}

int main(int argc, char **argv)
{
	read_options(argc, argv);
	srand(opt.seed);
	node_ns = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
	truth_fd = open(opt.truth, O_WRONLY | O_CREAT | O_TRUNC | O_APPEND | O_CLOEXEC, 0644);
	if (node_ns < 0 || truth_fd < 0)
		die(opt.truth);
	n_flows = mmap(NULL, sizeof(*n_flows), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS,
		       -1, 0);
	if (n_flows == MAP_FAILED)
		die("shared memory");
	run();
	(void)printf("%lld\n", (long long)latest_ms);
	return 0;
}
