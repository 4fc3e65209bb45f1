/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The sink `otlp`: records as logs, and the agent's figures as metrics, to a collector of OpenTelemetry
 * by HTTP. Its functions are called by exporter.c, nearly all on the sender's thread; otlp.c makes
 * the messages.
 *
 * There is one request at a time, on a connection that stays. Its answer decides, as the protocol says:
 * taken, taken in part, try again (and when), or never.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include <curl/curl.h>
#include <zlib.h>

#include "base/err.h"
#include "base/log.h"
#include "base/number.h"
#include "export/otlp.h"
#include "export/sink_kinds.h"

enum {
	ATTEND_MS = 250,
	PATIENCE_MS = 1000, /* of one call */
	PAUSE_MS = 100,	    /* while the collector wants to be left alone */
	MAX_PAUSE_S = 600,  /* however long it wants to be */
	CONNECT_MS = 5000,
	REQUEST_MAX_BYTES = 1 << 20,
	ANSWER_MAX_BYTES = 64 << 10,
	MAX_LINE = 8192, /* of a file of headers */
	WHY_BYTES = 160,
};

struct values {
	const char *compression, *metrics, *headers, *ca;
	uint64_t batch;
	pn_nsec timeout;
	struct pn_sink_pairs header_pairs;
};

enum flight {
	FLIGHT_NONE,
	FLIGHT_LOGS,
	FLIGHT_METRICS,
};

struct otlp_sink {
	struct pn_exporter *exporter;
	const char *node;
	char *logs_url, *metrics_url;
	bool is_packed;
	uint64_t max_records;		/* of a request */
	struct pn_otlp_scratch scratch; /* flow thread only */

	CURLM *multi;
	CURL *easy;
	struct curl_slist *headers;
	enum flight flight;
	size_t flight_len, flight_records; /* FLIGHT_LOGS: of the batch */
	struct pn_buf request, packed, answer;
	pn_nsec not_before; /* the collector has said */
	struct pn_log_limit limit;

	pn_nsec metrics_every, next_metrics; /* 0: off */
	pn_nsec since;			     /* CLOCK_REALTIME: when the figures began */
};

static const char *const compressions[] = { "gzip", "none", NULL };

static const struct pn_sink_option options[] = {
	{
		.name = "compression",
		.type = PN_SINK_CHOICE,
		.preset = "gzip",
		.choices = compressions,
		.offset = offsetof(struct values, compression),
	},
	{
		.name = "batch",
		.type = PN_SINK_NUMBER,
		.preset = "512",
		.min = 1,
		.max = 100000,
		.offset = offsetof(struct values, batch),
	},
	{
		.name = "timeout",
		.type = PN_SINK_DURATION,
		.preset = "10s",
		.min = 100 * PN_NSEC_PER_MSEC,
		.max = 600 * PN_NSEC_PER_SEC,
		.offset = offsetof(struct values, timeout),
	},
	{
		.name = "metrics",
		.type = PN_SINK_TEXT,
		.preset = "30s",
		.offset = offsetof(struct values, metrics),
	},
	{
		.name = "ca",
		.type = PN_SINK_TEXT,
		.offset = offsetof(struct values, ca),
	},
	{
		.name = "headers",
		.type = PN_SINK_TEXT,
		.offset = offsetof(struct values, headers),
	},
	{
		.name = "header-",
		.type = PN_SINK_PAIRS,
		.offset = offsetof(struct values, header_pairs),
	},
	{ .name = NULL },
};

static pn_nsec now(void)
{
	return pn_clock_now(&pn_clock_system);
}

/* --- one request --------------------------------------------------------------------------------- */

/* What does not fit is of no interest. */
static size_t on_answer(char *bytes, size_t size, size_t n, void *data)
{
	struct otlp_sink *f = data;

	(void)pn_buf_put(&f->answer, bytes, PN_MIN(size * n, f->answer.max - f->answer.len));
	return size * n;
}

static int pack(struct otlp_sink *f)
{
	z_stream z = { .next_in = (Bytef *)f->request.data, .avail_in = (uInt)f->request.len };
	uLong most;
	int r = -ENOMEM;

	if (deflateInit2(&z, Z_BEST_SPEED, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY) != Z_OK)
		return r;
	most = deflateBound(&z, f->request.len);
	pn_buf_reset(&f->packed);
	if (pn_buf_reserve(&f->packed, most) == 0) {
		z.next_out = (Bytef *)f->packed.data;
		z.avail_out = (uInt)most;
		r = deflate(&z, Z_FINISH) == Z_STREAM_END ? 0 : -EIO;
		f->packed.len = most - z.avail_out;
	}
	(void)deflateEnd(&z);
	return r;
}

/* What is in @request goes out. Return: 0 or a negative errno */
static int begin_flight(struct otlp_sink *f, enum flight flight)
{
	const struct pn_buf *body = f->is_packed ? &f->packed : &f->request;
	int r = f->is_packed ? pack(f) : 0;

	if (r < 0)
		return r;
	pn_buf_reset(&f->answer);
	(void)curl_easy_setopt(f->easy, CURLOPT_URL,
			       flight == FLIGHT_LOGS ? f->logs_url : f->metrics_url);
	(void)curl_easy_setopt(f->easy, CURLOPT_POSTFIELDS, body->data);
	(void)curl_easy_setopt(f->easy, CURLOPT_POSTFIELDSIZE, (long)body->len);
	if (curl_multi_add_handle(f->multi, f->easy) != CURLM_OK)
		return -ENOMEM;
	f->flight = flight;
	return 0;
}

/* Return: true: it is over; @ret: how the transfer went */
static bool is_landed(struct otlp_sink *f, CURLcode *ret)
{
	const CURLMsg *m;
	int n;

	while ((m = curl_multi_info_read(f->multi, &n))) {
		if (m->msg != CURLMSG_DONE)
			continue;
		*ret = m->data.result;
		(void)curl_multi_remove_handle(f->multi, f->easy);
		f->flight = FLIGHT_NONE;
		return true;
	}
	return false;
}

/* Return: as is_landed(), after @patience_ms at most */
static bool await_landing(struct otlp_sink *f, unsigned int patience_ms, CURLcode *ret)
{
	pn_nsec end = now() + patience_ms * PN_NSEC_PER_MSEC;
	int n_running;

	for (;;) {
		(void)curl_multi_perform(f->multi, &n_running);
		if (is_landed(f, ret))
			return true;
		if (now() >= end)
			return false;
		(void)curl_multi_poll(f->multi, NULL, 0, (int)patience_ms / 4 + 1, NULL);
	}
}

/* --- answers ------------------------------------------------------------------------------------- */

static bool is_temporary(long status)
{
	return status == 429 || status == 502 || status == 503 || status == 504;
}

static void complain(struct otlp_sink *f, const char *what, long status, const char *why)
{
	unsigned int n_held;

	if (pn_log_allow(&f->limit, now(), 60 * PN_NSEC_PER_SEC, &n_held))
		pn_warn("export", "otlp: %s status=%ld why=\"%s\" held=%u", what, status, why,
			n_held);
}

static int ask_again(struct otlp_sink *f, long status, struct pn_err *reterr)
{
	curl_off_t seconds = 0;
	char why[WHY_BYTES];

	(void)curl_easy_getinfo(f->easy, CURLINFO_RETRY_AFTER, &seconds);
	f->not_before = now() + (pn_nsec)PN_MIN(PN_MAX(seconds, 0), MAX_PAUSE_S) * PN_NSEC_PER_SEC;
	pn_otlp_why(f->answer.data, f->answer.len, why, sizeof(why));
	return pn_err_set(reterr, -EBUSY, "%s: status %ld: %s", f->logs_url, status, why);
}

static void take_away(struct otlp_sink *f, struct pn_batch *b, uint64_t n_lost)
{
	uint64_t n = f->flight_records;

	n_lost = PN_MIN(n_lost, n);
	b->at += f->flight_len;
	b->n_records -= n;
	if (n > n_lost)
		pn_exporter_sent(f->exporter, n - n_lost);
	if (n_lost)
		pn_exporter_lost(f->exporter, PN_LOSS_REFUSED, n_lost);
}

/* Return: 0: the records are dealt with; or a negative errno with @reterr: they are to be sent again */
static int judge_logs(struct otlp_sink *f, CURLcode code, struct pn_batch *b, struct pn_err *reterr)
{
	char why[WHY_BYTES];
	uint64_t n_lost;
	long status = 0;

	if (code != CURLE_OK)
		return pn_err_set(reterr, -EIO, "%s: %s", f->logs_url, curl_easy_strerror(code));
	(void)curl_easy_getinfo(f->easy, CURLINFO_RESPONSE_CODE, &status);
	if (is_temporary(status))
		return ask_again(f, status, reterr);
	if (status / 100 == 2) {
		n_lost = pn_otlp_rejected(f->answer.data, f->answer.len, why, sizeof(why));
		if (n_lost || *why)
			complain(f, "the collector has rejected records", status, why);
	} else {
		n_lost = f->flight_records;
		pn_otlp_why(f->answer.data, f->answer.len, why, sizeof(why));
		complain(f, "the collector refuses what it is sent", status, why);
	}
	take_away(f, b, n_lost);
	return 0;
}

/* The next figures say what these have said. */
static void judge_metrics(struct otlp_sink *f, CURLcode code)
{
	char why[WHY_BYTES];
	long status = 0;

	(void)curl_easy_getinfo(f->easy, CURLINFO_RESPONSE_CODE, &status);
	if (code != CURLE_OK) {
		complain(f, "metrics cannot be sent", status, curl_easy_strerror(code));
	} else if (status / 100 != 2) {
		pn_otlp_why(f->answer.data, f->answer.len, why, sizeof(why));
		complain(f, "metrics are refused", status, why);
	}
}

/* --- sending ------------------------------------------------------------------------------------- */

static int begin_logs(struct otlp_sink *f, const struct pn_batch *b, struct pn_err *reterr)
{
	int r;

	f->flight_len = pn_otlp_logs_len(b->bytes.data + b->at, b->bytes.len - b->at,
					 f->max_records, &f->flight_records);
	pn_buf_reset(&f->request);
	r = pn_otlp_logs_request(f->node, b->bytes.data + b->at, f->flight_len, &f->request);
	if (r == 0)
		r = begin_flight(f, FLIGHT_LOGS);
	return r < 0 ? pn_err_set(reterr, r, "no memory for a request") : 0;
}

static void begin_metrics(struct otlp_sink *f)
{
	f->next_metrics = now() + f->metrics_every;
	pn_buf_reset(&f->request);
	if (pn_otlp_metrics_request(f->node, f->since, pn_clock_realtime(&pn_clock_system),
				    &f->request) < 0 ||
	    begin_flight(f, FLIGHT_METRICS) < 0)
		complain(f, "metrics cannot be sent", 0, "no memory");
}

/* Return: may the next request begin? */
static bool metrics_are_done(struct otlp_sink *f)
{
	CURLcode code;

	if (f->flight != FLIGHT_METRICS)
		return true;
	if (!await_landing(f, PATIENCE_MS, &code))
		return false;
	judge_metrics(f, code);
	return true;
}

static bool metrics_are_due(const struct otlp_sink *f)
{
	return f->metrics_every && f->flight == FLIGHT_NONE && now() >= f->next_metrics;
}

static int otlp_send(void *sink, struct pn_batch *b, struct pn_err *reterr)
{
	static const struct timespec pause = { .tv_nsec = PAUSE_MS * 1000000L };
	struct otlp_sink *f = sink;
	CURLcode code;
	int r = 0;

	if (now() < f->not_before) {
		(void)nanosleep(&pause, NULL);
		return -EAGAIN;
	}
	if (metrics_are_due(f))
		begin_metrics(f);
	if (!metrics_are_done(f))
		return -EAGAIN;
	if (f->flight == FLIGHT_NONE)
		r = begin_logs(f, b, reterr);
	if (r < 0)
		return r;
	if (!await_landing(f, PATIENCE_MS, &code))
		return -EAGAIN;
	r = judge_logs(f, code, b, reterr);
	return r == 0 && b->at < b->bytes.len ? -EAGAIN : r;
}

static int otlp_attend(void *sink, struct pn_err *reterr)
{
	struct otlp_sink *f = sink;

	(void)reterr;
	if (metrics_are_due(f))
		begin_metrics(f);
	return metrics_are_done(f) ? 0 : -EAGAIN;
}

static int otlp_encode(void *sink, const struct pn_flow_record *r, struct pn_buf *out)
{
	struct otlp_sink *f = sink;

	return pn_otlp_log(r, &f->scratch, out);
}

/* --- opening ------------------------------------------------------------------------------------- */

static int add_header(struct otlp_sink *f, const char *line, struct pn_err *reterr)
{
	struct curl_slist *more = curl_slist_append(f->headers, line);

	if (!more)
		return pn_err_set(reterr, -ENOMEM, "no memory");
	f->headers = more;
	return 0;
}

static int add_file(struct otlp_sink *f, const char *path, struct pn_err *reterr)
{
	FILE *file = fopen(path, "re");
	char line[MAX_LINE];
	int r = 0;

	if (!file) {
		r = -errno;
		return pn_err_set(reterr, r, "headers: %s: %s", path, strerror(-r));
	}
	while (r == 0 && fgets(line, sizeof(line), file)) {
		line[strcspn(line, "\r\n")] = '\0';
		if (*line && !strchr(line, ':'))
			r = pn_err_set(reterr, -EINVAL,
				       "headers: %s: each line should be NAME: VALUE", path);
		else if (*line)
			r = add_header(f, line, reterr);
	}
	(void)fclose(file);
	return r;
}

static int add_headers(struct otlp_sink *f, const struct values *v, struct pn_err *reterr)
{
	int r = add_header(f, "Content-Type: application/x-protobuf", reterr);

	if (r == 0 && f->is_packed)
		r = add_header(f, "Content-Encoding: gzip", reterr);
	if (r == 0) /* bodies are small: to ask whether they may come takes longer */
		r = add_header(f, "Expect:", reterr);
	if (r == 0 && v->headers)
		r = add_file(f, v->headers, reterr);
	for (size_t i = 0; i < v->header_pairs.n && r == 0; i++) {
		PN_CLEANUP(pn_freep) char *line = NULL;

		if (asprintf(&line, "%s: %s", v->header_pairs.names[i], v->header_pairs.values[i]) <
		    0)
			line = NULL;
		r = line ? add_header(f, line, reterr) : -ENOMEM;
	}
	return r;
}

static int set_urls(struct otlp_sink *f, const char *target, struct pn_err *reterr)
{
	size_t len = strlen(target);

	if (strncmp(target, "http://", 7) != 0 && strncmp(target, "https://", 8) != 0)
		return pn_err_set(reterr, -EINVAL,
				  "\"%.60s\" should be http://HOST:4318 or https://HOST:4318",
				  target);
	while (len && target[len - 1] == '/')
		len--;
	if (asprintf(&f->logs_url, "%.*s/v1/logs", (int)len, target) < 0)
		f->logs_url = NULL;
	if (asprintf(&f->metrics_url, "%.*s/v1/metrics", (int)len, target) < 0)
		f->metrics_url = NULL;
	if (!f->logs_url || !f->metrics_url)
		return pn_err_set(reterr, -ENOMEM, "no memory");
	return 0;
}

static int set_metrics(struct otlp_sink *f, const char *text, struct pn_err *reterr)
{
	if (strcmp(text, "off") == 0)
		return 0;
	if (pn_duration_parse(text, &f->metrics_every) < 0 || f->metrics_every < PN_NSEC_PER_SEC)
		return pn_err_set(reterr, -EINVAL,
				  "metrics: \"%.60s\" should be off or a time of 1s at least",
				  text);
	return 0;
}

static int prepare_curl(struct otlp_sink *f, const struct values *v, struct pn_err *reterr)
{
	if (curl_global_init(CURL_GLOBAL_DEFAULT) == CURLE_OK) {
		f->multi = curl_multi_init();
		f->easy = curl_easy_init();
	}
	if (!f->multi || !f->easy)
		return pn_err_set(reterr, -ENOMEM, "no memory");
	(void)curl_easy_setopt(f->easy, CURLOPT_NOSIGNAL, 1L);
	(void)curl_easy_setopt(f->easy, CURLOPT_PROTOCOLS_STR, "http,https");
	(void)curl_easy_setopt(f->easy, CURLOPT_POST, 1L);
	(void)curl_easy_setopt(f->easy, CURLOPT_HTTPHEADER, f->headers);
	(void)curl_easy_setopt(f->easy, CURLOPT_USERAGENT, "podonym");
	(void)curl_easy_setopt(f->easy, CURLOPT_WRITEFUNCTION, on_answer);
	(void)curl_easy_setopt(f->easy, CURLOPT_WRITEDATA, f);
	(void)curl_easy_setopt(f->easy, CURLOPT_CONNECTTIMEOUT_MS, (long)CONNECT_MS);
	(void)curl_easy_setopt(f->easy, CURLOPT_TIMEOUT_MS, (long)(v->timeout / PN_NSEC_PER_MSEC));
	if (v->ca)
		(void)curl_easy_setopt(f->easy, CURLOPT_CAINFO, v->ca);
	return 0;
}

static int configure(struct otlp_sink *f, const struct pn_sink_setup *setup, struct pn_err *reterr)
{
	const struct values *v = setup->values;
	int r = set_urls(f, setup->target, reterr);

	f->is_packed = strcmp(v->compression, "gzip") == 0;
	f->max_records = v->batch;
	if (r == 0)
		r = set_metrics(f, v->metrics, reterr);
	if (r == 0 && v->ca && access(v->ca, R_OK) < 0)
		r = pn_err_set(reterr, -errno, "ca: %s: %s", v->ca, strerror(errno));
	if (r == 0)
		r = add_headers(f, v, reterr);
	return r == 0 ? prepare_curl(f, v, reterr) : r;
}

static void otlp_close(void *sink)
{
	struct otlp_sink *f = sink;

	if (f->flight != FLIGHT_NONE)
		(void)curl_multi_remove_handle(f->multi, f->easy);
	curl_easy_cleanup(f->easy);
	(void)curl_multi_cleanup(f->multi);
	curl_slist_free_all(f->headers);
	pn_otlp_scratch_done(&f->scratch);
	pn_buf_done(&f->request);
	pn_buf_done(&f->packed);
	pn_buf_done(&f->answer);
	free(f->logs_url);
	free(f->metrics_url);
	free(f);
}

static int otlp_open(const struct pn_sink_setup *setup, void **ret, struct pn_err *reterr)
{
	struct otlp_sink *f = calloc(1, sizeof(*f));
	int r;

	if (!f)
		return pn_err_set(reterr, -ENOMEM, "no memory");
	f->exporter = setup->exporter;
	f->node = setup->node;
	f->since = pn_clock_realtime(&pn_clock_system);
	f->request = PN_BUF_INIT(REQUEST_MAX_BYTES);
	f->packed = PN_BUF_INIT(REQUEST_MAX_BYTES);
	f->answer = PN_BUF_INIT(ANSWER_MAX_BYTES);
	r = configure(f, setup, reterr);
	if (r < 0) {
		otlp_close(f);
		return r;
	}
	*ret = f;
	return 0;
}

const struct pn_sink_kind pn_sink_kind_otlp = {
	.name = "otlp",
	.target = "http://HOST:4318",
	.options = options,
	.values_size = sizeof(struct values),
	.attend_ms = ATTEND_MS,
	.attends_always = true,
	.open = otlp_open,
	.encode = otlp_encode,
	.send = otlp_send,
	.attend = otlp_attend,
	.close = otlp_close,
};
