/* SPDX-License-Identifier: Apache-2.0 */
/* For informer-shell: threads that add a handler and take it away again, until the time is over. */
#include "shell_churn.h"

#include <errno.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>
#include <time.h>

#define NS_PER_S 1000000000L

struct churn {
	struct pn_informer *inf;
	struct timespec end;
};

static void on_nothing(const void *handler, void *data, const struct pn_notice *n)
{
	(void)handler, (void)data, (void)n;
}

static bool is_over(const struct timespec *end)
{
	struct timespec now;

	(void)clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec > end->tv_sec ||
	       (now.tv_sec == end->tv_sec && now.tv_nsec >= end->tv_nsec);
}

static void *churn_thread(void *data)
{
	const struct churn *c = data;
	struct pn_registration *r;

	while (!is_over(&c->end)) {
		if (pn_informer_add_handler(c->inf, on_nothing, NULL, NULL, NULL, &r) < 0)
			break;
		pn_registration_free(r);
	}
	return NULL;
}

static struct timespec end_after(double seconds)
{
	struct timespec end;

	(void)clock_gettime(CLOCK_MONOTONIC, &end);
	end.tv_sec += (time_t)seconds;
	end.tv_nsec += (long)((seconds - (double)(time_t)seconds) * NS_PER_S);
	if (end.tv_nsec >= NS_PER_S) {
		end.tv_sec++;
		end.tv_nsec -= NS_PER_S;
	}
	return end;
}

int shell_churn(struct pn_informer *inf, size_t n_threads, double seconds)
{
	struct churn c = { .inf = inf, .end = end_after(seconds) };
	pthread_t *threads = calloc(n_threads + 1, sizeof(*threads));
	size_t n_started = 0;

	while (threads && n_started < n_threads &&
	       pthread_create(&threads[n_started], NULL, churn_thread, &c) == 0)
		n_started++;
	for (size_t i = 0; i < n_started; i++)
		(void)pthread_join(threads[i], NULL);
	free(threads);
	return n_started == n_threads ? 0 : -EAGAIN;
}
