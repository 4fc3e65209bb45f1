/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Informers inside a program's own poll loop: no thread is started, handlers are called from
 * pn_factory_dispatch(). Prints the pods of one node as they come and go, until a line comes on
 * standard input.
 *
 *	cc own_loop.c $(pkg-config --cflags --libs podonym-informer) -o own_loop
 *	./own_loop node-1
 */
#include <poll.h>
#include <stdio.h>
#include <unistd.h>

#include <podonym/informer.h>

static void on_add(void *data, const struct pn_pod *pod, bool is_initial)
{
	(void)data;
	printf("%c %s/%s\n", is_initial ? '=' : '+', pod->meta.name_space, pod->meta.name);
}

static void on_remove(void *data, const struct pn_pod *pod, bool is_stale)
{
	(void)data;
	(void)is_stale;
	printf("- %s/%s\n", pod->meta.name_space, pod->meta.name);
}

static void on_synced(void *data)
{
	(void)data;
	printf("in sync\n");
}

int main(int argc, char **argv)
{
	static const struct pn_pods_handler handler = { .add = on_add,
							.remove = on_remove,
							.synced = on_synced };
	struct pn_factory_options loop = { .size = sizeof(loop), .loop = PN_LOOP_CALLER };
	struct pn_informer_options mine = { .size = sizeof(mine) };
	struct pn_factory *factory = NULL;
	struct pn_pods *pods;
	struct pn_err err;
	char selector[300];

	if (argc > 1) {
		snprintf(selector, sizeof(selector), "spec.nodeName=%s", argv[1]);
		mine.field_selector = selector;
	}
	if (pn_factory_new(&loop, &factory, &err) < 0 ||
	    !(pods = pn_factory_pods(factory, &mine, &err))) {
		fprintf(stderr, "own_loop: %s\n", err.text);
		pn_factory_free(factory);
		return 1;
	}
	setlinebuf(stdout);
	pn_pods_add_handler(pods, &handler, NULL, NULL, NULL);
	pn_factory_start(factory);

	struct pollfd fds[] = { { .fd = pn_factory_fd(factory), .events = POLLIN },
				{ .fd = STDIN_FILENO, .events = POLLIN } };
	while (!fds[1].revents && poll(fds, 2, -1) >= 0) {
		if (fds[0].revents)
			pn_factory_dispatch(factory);
	}
	pn_factory_free(factory);
	return 0;
}
