/* SPDX-License-Identifier: Apache-2.0 */
/*
 * podonym-testapi: a small Kubernetes API server for tests and the demo. It serves the objects of a
 * file by the list/watch protocol and takes changes on the ordinary paths; below /testapi/ a test
 * makes it misbehave (testapi_control.c).
 *
 * This file reads the options and runs the loop. All is one thread: libmicrohttpd is called when its
 * descriptor is readable, a watch's time is up, or a watching client is gone.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/signalfd.h>

#include "base/err.h"
#include "base/log.h"
#include "testapi_http.h"

enum {
	MAX_POLLED_WATCHES = 1024,
	MAX_POLLED_PROXIES = 256,
	MAX_FILE = 1 << 20,
	MAX_HISTORY = 1 << 20
};

struct options {
	const char *objects, *token_file, *tls_cert, *tls_key;
	unsigned long port, history;
	bool verbose, old_discovery;
};

static const char help[] =
	"podonym-testapi - a small Kubernetes API server for tests\n"
	"\n"
	"USAGE\n"
	"  podonym-testapi [OPTIONS]\n"
	"\n"
	"Listens on 127.0.0.1 and writes \"listening on URL\" to standard output when it is "
	"ready.\n"
	"\n"
	"OPTIONS\n"
	"  --objects FILE     JSON: a list of objects, or {\"items\": [...]}\n"
	"  --port PORT        0 (the default): any that is free\n"
	"  --history N        how many changes a watch can go back (default 1000)\n"
	"  --token-file FILE  answer 401 to those who do not bear this token\n"
	"  --tls-cert FILE    serve https with this certificate (PEM)\n"
	"  --tls-key FILE     and this key\n"
	"  --old-discovery    tell of the kinds group by group, as servers before 1.27\n"
	"  --verbose          name each request on standard error\n"
	"  --help             this text\n"
	"\n"
	"VERBS, below /testapi/\n"
	"  POST bookmark, expire, cut, garbage, raw?path=P, "
	"fail?status=S&count=N&after=N&retryAfter=S\n"
	"  GET status\n";

static int parse_number(const char *name, const char *text, unsigned long max, unsigned long *ret)
{
	char *end;

	errno = 0;
	*ret = strtoul(text, &end, 10);
	if (*text >= '0' && *text <= '9' && !*end && !errno && *ret <= max)
		return 0;
	(void)fprintf(stderr, "podonym-testapi: --%s: \"%s\" is not a number up to %lu\n", name,
		      text, max);
	return -EINVAL;
}

/* Return: 0; 1 help was asked for; -EINVAL */
static int parse_options(int argc, char **argv, struct options *ret)
{
	static const struct option table[] = {
		{ "objects", required_argument, NULL, 'o' },
		{ "port", required_argument, NULL, 'p' },
		{ "history", required_argument, NULL, 'n' },
		{ "token-file", required_argument, NULL, 't' },
		{ "tls-cert", required_argument, NULL, 'c' },
		{ "tls-key", required_argument, NULL, 'k' },
		{ "old-discovery", no_argument, NULL, 'd' },
		{ "verbose", no_argument, NULL, 'v' },
		{ "help", no_argument, NULL, 'h' },
		{ 0 },
	};
	int c, r = 0;

	while (r == 0 && (c = getopt_long(argc, argv, "", table, NULL)) != -1) {
		switch (c) {
		case 'o':
			ret->objects = optarg;
			break;
		case 'p':
			r = parse_number("port", optarg, 65535, &ret->port);
			break;
		case 'n':
			r = parse_number("history", optarg, MAX_HISTORY, &ret->history);
			break;
		case 't':
			ret->token_file = optarg;
			break;
		case 'c':
			ret->tls_cert = optarg;
			break;
		case 'k':
			ret->tls_key = optarg;
			break;
		case 'd':
			ret->old_discovery = true;
			break;
		case 'v':
			ret->verbose = true;
			break;
		case 'h':
			return 1;
		default:
			return -EINVAL;
		}
	}
	if (r == 0 && (optind < argc || !ret->tls_cert != !ret->tls_key || !ret->history)) {
		(void)fprintf(stderr, "podonym-testapi: no operands, --tls-cert goes with "
				      "--tls-key, --history is at least 1\n");
		return -EINVAL;
	}
	return r;
}

/* The whole file as text, without white space at its end. */
static char *read_text(const char *path, struct pn_err *reterr)
{
	FILE *f = fopen(path, "re");
	char *text = NULL;
	size_t n = 0;

	if (f) {
		text = calloc(1, MAX_FILE);
		n = text ? fread(text, 1, MAX_FILE - 1, f) : 0;
		(void)fclose(f);
	}
	if (!text || n == 0) {
		(void)pn_err_set(reterr, -errno, "%s: cannot read, or empty", path);
		free(text);
		return NULL;
	}
	while (n && strchr(" \t\r\n", text[n - 1]))
		text[--n] = '\0';
	return text;
}

static void on_change(void *data, const struct pn_event *event)
{
	struct pn_testapi *api = data;

	pn_watches_event(&api->watches, event);
}

static struct MHD_Daemon *start(struct pn_testapi *api, const struct options *o, const char *cert,
				const char *key)
{
	struct sockaddr_in addr = {
		.sin_family = AF_INET,
		.sin_port = htons((uint16_t)o->port),
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK),
	};
	struct MHD_OptionItem tls[] = {
		{ MHD_OPTION_HTTPS_MEM_CERT, 0, (void *)(uintptr_t)cert },
		{ MHD_OPTION_HTTPS_MEM_KEY, 0, (void *)(uintptr_t)key },
		{ MHD_OPTION_END, 0, NULL },
	};
	unsigned int flags = MHD_USE_EPOLL | MHD_ALLOW_SUSPEND_RESUME;

	if (!cert)
		tls[0].option = MHD_OPTION_END;
	return MHD_start_daemon(flags | (cert ? MHD_USE_TLS : 0), 0, NULL, NULL, pn_testapi_handle,
				api, MHD_OPTION_SOCK_ADDR, &addr, MHD_OPTION_NOTIFY_COMPLETED,
				pn_testapi_completed, NULL, MHD_OPTION_ARRAY, tls, MHD_OPTION_END);
}

static int wait_ms(struct pn_testapi *api, struct MHD_Daemon *mhd)
{
	int watch_ms = pn_watches_expire(&api->watches);
	MHD_UNSIGNED_LONG_LONG mhd_ms;

	if (api->watches.woken)
		return 0;
	if (MHD_get_timeout(mhd, &mhd_ms) != MHD_YES)
		return watch_ms;
	if (watch_ms >= 0 && (MHD_UNSIGNED_LONG_LONG)watch_ms < mhd_ms)
		return watch_ms;
	return (int)PN_MIN(mhd_ms, (MHD_UNSIGNED_LONG_LONG)60000);
}

/* Until SIGINT or SIGTERM. */
static void run(struct pn_testapi *api, struct MHD_Daemon *mhd, int signal_fd)
{
	static struct pollfd fds[2 + MAX_POLLED_WATCHES + MAX_POLLED_PROXIES];
	const union MHD_DaemonInfo *info = MHD_get_daemon_info(mhd, MHD_DAEMON_INFO_EPOLL_FD);

	fds[0] = (struct pollfd) { .fd = signal_fd, .events = POLLIN };
	fds[1] = (struct pollfd) { .fd = info->epoll_fd, .events = POLLIN };
	while (!(fds[0].revents & POLLIN)) {
		size_t n = 2 + pn_watches_poll(&api->watches, fds + 2, MAX_POLLED_WATCHES);
		size_t n_all = n + pn_proxies_poll(&api->proxies, fds + n, MAX_POLLED_PROXIES);

		if (poll(fds, n_all, wait_ms(api, mhd)) < 0 && errno != EINTR)
			return;
		for (size_t i = n; i < n_all; i++) {
			if (fds[i].revents)
				pn_proxies_ready(&api->proxies, &fds[i]);
		}
		for (size_t i = 2; i < n; i++) {
			if (fds[i].revents)
				pn_watches_gone(&api->watches, fds[i].fd);
		}
		api->watches.woken = false;
		(void)MHD_run(mhd);
	}
}

static int block_signals(void)
{
	sigset_t set;

	(void)signal(SIGPIPE, SIG_IGN);
	(void)sigemptyset(&set);
	(void)sigaddset(&set, SIGINT);
	(void)sigaddset(&set, SIGTERM);
	(void)sigprocmask(SIG_BLOCK, &set, NULL);
	return signalfd(-1, &set, SFD_CLOEXEC);
}

static int fail(const struct pn_err *err)
{
	(void)fprintf(stderr, "podonym-testapi: %s\n", err->text);
	return EXIT_FAILURE;
}

static int serve(struct pn_testapi *api, const struct options *o)
{
	PN_CLEANUP(pn_freep) char *cert = NULL;
	PN_CLEANUP(pn_freep) char *key = NULL;
	PN_CLEANUP(pn_closep) int signal_fd = block_signals();
	struct MHD_Daemon *mhd;
	struct pn_err err;

	if (o->tls_cert) {
		cert = read_text(o->tls_cert, &err);
		key = cert ? read_text(o->tls_key, &err) : NULL;
		if (!key)
			return fail(&err);
	}
	mhd = start(api, o, cert, key);
	if (!mhd) {
		(void)fprintf(stderr, "podonym-testapi: cannot listen on port %lu: %s\n", o->port,
			      strerror(errno));
		return EXIT_FAILURE;
	}
	(void)printf("listening on %s://127.0.0.1:%u\n", cert ? "https" : "http",
		     MHD_get_daemon_info(mhd, MHD_DAEMON_INFO_BIND_PORT)->port);
	(void)fflush(stdout);
	run(api, mhd, signal_fd);
	pn_watches_cut(&api->watches, api->store);
	pn_proxies_cut(&api->proxies);
	(void)MHD_run(mhd);
	MHD_stop_daemon(mhd);
	return EXIT_SUCCESS;
}

int main(int argc, char **argv)
{
	struct options o = { .history = 1000 };
	PN_CLEANUP(pn_freep) char *token = NULL;
	struct pn_testapi api = { 0 };
	struct pn_err err;
	int r;

	r = parse_options(argc, argv, &o);
	if (r > 0)
		return fputs(help, stdout) < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
	if (r < 0)
		return 2;
	if (o.token_file) {
		token = read_text(o.token_file, &err);
		if (!token)
			return fail(&err);
	}
	api.token = token;
	api.verbose = o.verbose;
	api.old_discovery = o.old_discovery;
	api.lists = pn_lists_new();
	if (!api.lists || pn_teststore_new(o.history, on_change, &api, &api.store) < 0)
		return fail(&(struct pn_err) { "out of memory" });
	r = o.objects ? pn_teststore_load(api.store, o.objects, &err) : 0;
	r = r < 0 ? fail(&err) : serve(&api, &o);
	pn_lists_free(api.lists);
	pn_teststore_free(api.store);
	return r;
}
