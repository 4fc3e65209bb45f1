/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The sink `kafka`: a message a record, by librdkafka. Its functions are called by exporter.c, nearly
 * all on the sender's thread; librdkafka calls back on that thread, too, from within rd_kafka_poll().
 *
 * A record is sent when the broker has acknowledged it and lost when librdkafka gives it up; between
 * the two it waits in librdkafka's own bounded buffer, and when that is full, in our queue.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <librdkafka/rdkafka.h>

#include "base/err.h"
#include "base/log.h"
#include "export/encode.h"
#include "export/sink_kinds.h"
#include "export/text.h"

enum {
	ATTEND_MS = 20,
	FULL_MS = 50,	  /* for librdkafka's buffer to have room again */
	KEY_BYTES = 2048, /* two namespaces, kinds and names */
	MAX_LINE = 4096,  /* of a file of properties */
};

struct values {
	const char *topic, *format, *key, *acks, *compression, *config;
	uint64_t buffer;
	pn_nsec timeout;
	struct pn_sink_pairs properties;
};

struct kafka_sink {
	struct pn_exporter *exporter;
	struct pn_style style;
	bool has_keys;
	char *topic;
	rd_kafka_conf_t *conf; /* what each producer is made from */
	rd_kafka_t *producer;

	/* What the callbacks of one rd_kafka_poll() have said. */
	uint64_t n_sent, n_lost[PN_LOSS_MAX];
	bool is_new_trouble; /* not told by attend() yet */
	bool is_in_trouble;  /* until a record arrives */
	char trouble[256], last_broker[200];
};

/* struct head - in front of each message of a batch: the key, then the value */
struct head {
	uint32_t key_len, value_len;
};

static const char *const formats[] = { "json", "netobserv", "hubble", NULL };
static const char *const keys[] = { "pair", "none", NULL };
static const char *const acks[] = { "all", "1", NULL };
static const char *const compressions[] = { "lz4", "zstd", "gzip", "snappy", "none", NULL };

static const struct pn_sink_option options[] = {
	{
		.name = "topic",
		.type = PN_SINK_TEXT,
		.preset = "podonym-flows",
		.offset = offsetof(struct values, topic),
	},
	{
		.name = "format",
		.type = PN_SINK_CHOICE,
		.preset = "json",
		.choices = formats,
		.offset = offsetof(struct values, format),
	},
	{
		.name = "key",
		.type = PN_SINK_CHOICE,
		.preset = "pair",
		.choices = keys,
		.offset = offsetof(struct values, key),
	},
	{
		.name = "acks",
		.type = PN_SINK_CHOICE,
		.preset = "all",
		.choices = acks,
		.offset = offsetof(struct values, acks),
	},
	{
		.name = "compression",
		.type = PN_SINK_CHOICE,
		.preset = "lz4",
		.choices = compressions,
		.offset = offsetof(struct values, compression),
	},
	{
		.name = "buffer",
		.type = PN_SINK_SIZE,
		.preset = "16M",
		.min = 1 << 20,
		.max = UINT64_C(1) << 30,
		.offset = offsetof(struct values, buffer),
	},
	{
		.name = "timeout",
		.type = PN_SINK_DURATION,
		.preset = "5m",
		.min = PN_NSEC_PER_SEC,
		.max = 86400 * PN_NSEC_PER_SEC,
		.offset = offsetof(struct values, timeout),
	},
	{
		.name = "config",
		.type = PN_SINK_TEXT,
		.offset = offsetof(struct values, config),
	},
	{
		.name = "x-",
		.type = PN_SINK_PAIRS,
		.offset = offsetof(struct values, properties),
	},
	{ .name = NULL },
};

/* --- what librdkafka says ------------------------------------------------------------------------ */

static void note_trouble(struct kafka_sink *k, const char *what, const char *why)
{
	(void)snprintf(k->trouble, sizeof(k->trouble), "%s%s%s", what, *why ? ": " : "", why);
	k->is_new_trouble = k->is_in_trouble = true;
}

static enum pn_loss loss_of(rd_kafka_resp_err_t error)
{
	switch (error) {
	case RD_KAFKA_RESP_ERR__MSG_TIMED_OUT:
	case RD_KAFKA_RESP_ERR__TIMED_OUT:
	case RD_KAFKA_RESP_ERR__PURGE_QUEUE:
	case RD_KAFKA_RESP_ERR__PURGE_INFLIGHT:
		return PN_LOSS_GIVEN_UP;
	default:
		return PN_LOSS_REFUSED;
	}
}

static void on_report(rd_kafka_t *rk, const rd_kafka_message_t *m, void *opaque)
{
	struct kafka_sink *k = opaque;

	(void)rk;
	if (!m->err) {
		k->n_sent++;
		k->is_in_trouble = k->is_new_trouble = false;
		return;
	}
	k->n_lost[loss_of(m->err)]++;
	note_trouble(k, "records are lost", rd_kafka_err2str(m->err));
}

/* One broker of several may be away; librdkafka asks the others. */
static void on_error(rd_kafka_t *rk, int error, const char *reason, void *opaque)
{
	struct kafka_sink *k = opaque;

	(void)rk;
	switch (error) {
	case RD_KAFKA_RESP_ERR__ALL_BROKERS_DOWN:
		note_trouble(k, "no broker can be reached", k->last_broker);
		break;
	case RD_KAFKA_RESP_ERR__AUTHENTICATION:
	case RD_KAFKA_RESP_ERR__SSL:
	case RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED:
	case RD_KAFKA_RESP_ERR_CLUSTER_AUTHORIZATION_FAILED:
		note_trouble(k, reason, "");
		break;
	default:
		(void)snprintf(k->last_broker, sizeof(k->last_broker), "%s", reason);
		pn_debug("export", "kafka: %s", reason);
	}
}

/* On threads of librdkafka. */
static void on_log(const rd_kafka_t *rk, int level, const char *facility, const char *text)
{
	(void)rk;
	pn_debug("export", "kafka: %s level=%d facility=%s", text, level, facility);
}

/* Lets the callbacks run, waiting for the first for @ms, and enters into the ledger what they say. */
static void poll_reports(struct kafka_sink *k, int ms)
{
	(void)rd_kafka_poll(k->producer, ms);
	if (k->n_sent)
		pn_exporter_sent(k->exporter, k->n_sent);
	k->n_sent = 0;
	for (enum pn_loss i = 0; i < PN_LOSS_MAX; i++) {
		if (k->n_lost[i])
			pn_exporter_lost(k->exporter, i, k->n_lost[i]);
		k->n_lost[i] = 0;
	}
}

/* --- the producer -------------------------------------------------------------------------------- */

static int start_producer(struct kafka_sink *k, struct pn_err *reterr)
{
	rd_kafka_conf_t *conf = rd_kafka_conf_dup(k->conf);
	char why[256];

	k->producer = rd_kafka_new(RD_KAFKA_PRODUCER, conf, why, sizeof(why));
	if (k->producer)
		return 0;
	rd_kafka_conf_destroy(conf);
	return pn_err_set(reterr, -EINVAL, "%s", why);
}

/*
 * One that does without duplicates and has lost its place among its broker's numbers takes nothing any
 * more, and what it has may be there or not.
 */
static int replace_producer(struct kafka_sink *k, struct pn_err *reterr)
{
	char why[256];

	if (k->producer) {
		(void)rd_kafka_fatal_error(k->producer, why, sizeof(why));
		pn_warn("export", "kafka: beginning again with a new producer: %s", why);
		(void)rd_kafka_purge(k->producer,
				     RD_KAFKA_PURGE_F_QUEUE | RD_KAFKA_PURGE_F_INFLIGHT);
		while (rd_kafka_outq_len(k->producer) > 0)
			poll_reports(k, FULL_MS);
		rd_kafka_destroy(PN_TAKE_PTR(k->producer));
	}
	return start_producer(k, reterr);
}

/* Return: 0; -EIO with @reterr: there is trouble that has not been told; -EAGAIN: it goes on */
static int judge(struct kafka_sink *k, struct pn_err *reterr)
{
	if (k->producer && rd_kafka_fatal_error(k->producer, NULL, 0)) {
		int r = replace_producer(k, reterr);

		if (r < 0)
			return r;
	}
	if (k->is_new_trouble) {
		k->is_new_trouble = false;
		return pn_err_set(reterr, -EIO, "%s", k->trouble);
	}
	return k->is_in_trouble ? -EAGAIN : 0;
}

static int kafka_attend(void *sink, struct pn_err *reterr)
{
	struct kafka_sink *k = sink;

	if (k->producer)
		poll_reports(k, 0);
	return judge(k, reterr);
}

/* --- sending ------------------------------------------------------------------------------------- */

static rd_kafka_resp_err_t produce(struct kafka_sink *k, const struct head *head, char *key)
{
	char *value = key + head->key_len;
	char *given = head->key_len ? key : NULL; /* in the macro the condition would be cast */

	return rd_kafka_producev(k->producer, RD_KAFKA_V_TOPIC(k->topic),
				 RD_KAFKA_V_KEY(given, head->key_len),
				 RD_KAFKA_V_VALUE(value, head->value_len),
				 RD_KAFKA_V_MSGFLAGS(RD_KAFKA_MSG_F_COPY), RD_KAFKA_V_END);
}

/* Return: 0: it is librdkafka's, or lost; -EAGAIN: there is no room; or another errno with @reterr */
static int hand_over(struct kafka_sink *k, const struct head *head, char *key,
		     struct pn_err *reterr)
{
	rd_kafka_resp_err_t error = produce(k, head, key);

	switch (error) {
	case RD_KAFKA_RESP_ERR_NO_ERROR:
		return 0;
	case RD_KAFKA_RESP_ERR__QUEUE_FULL:
		return -EAGAIN;
	case RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE:
		pn_exporter_lost(k->exporter, PN_LOSS_NOT_ENCODED, 1);
		return 0;
	case RD_KAFKA_RESP_ERR__FATAL:
		return judge(k, reterr) < 0 ? -EAGAIN : 0;
	default:
		return pn_err_set(reterr, -EIO, "topic %s: %s", k->topic, rd_kafka_err2str(error));
	}
}

static int kafka_send(void *sink, struct pn_batch *b, struct pn_err *reterr)
{
	struct kafka_sink *k = sink;
	int r = k->producer ? 0 : start_producer(k, reterr);
	struct head head;

	while (r == 0 && b->at < b->bytes.len) {
		memcpy(&head, b->bytes.data + b->at, sizeof(head));
		r = hand_over(k, &head, b->bytes.data + b->at + sizeof(head), reterr);
		if (r < 0)
			break;
		b->at += sizeof(head) + head.key_len + head.value_len;
		b->n_records--;
	}
	if (k->producer)
		poll_reports(k, r == -EAGAIN ? FULL_MS : 0);
	return r;
}

/* --- encoding, on the flow thread ---------------------------------------------------------------- */

static const char *const kinds[] = {
	[PN_OWNER_NONE] = "",	  [PN_OWNER_POD] = "Pod",	  [PN_OWNER_SERVICE] = "Service",
	[PN_OWNER_NODE] = "Node", [PN_OWNER_PROCESS] = "Process", [PN_OWNER_RANGE] = "Network",
};
_Static_assert(PN_ARRAY_SIZE(kinds) == PN_OWNER_KIND_MAX, "a word for each");

/* What of an end stays the same from one connection to the next. */
static void put_end(struct pn_text *t, const struct pn_record_end *e)
{
	const struct pn_owner *o = e->owner;

	if (!o) {
		pn_text_addr(t, &e->addr);
		return;
	}
	pn_text_string(t, o->name_space);
	pn_text_char(t, '/');
	pn_text_string(t, *o->workload_name ? o->workload_kind : kinds[o->kind]);
	pn_text_char(t, '/');
	pn_text_string(t, *o->workload_name ? o->workload_name : o->name);
}

/* All records of a pair go to one partition, and stay in their order. */
static int put_key(const struct pn_flow_record *r, struct pn_buf *out)
{
	char key[KEY_BYTES];
	struct pn_text t = { .at = key, .end = key + sizeof(key) };

	put_end(&t, &r->source);
	pn_text_char(&t, '>');
	put_end(&t, &r->destination);
	return t.full ? -EMSGSIZE : pn_buf_put(out, key, (size_t)(t.at - key));
}

static int kafka_encode(void *sink, const struct pn_flow_record *r, struct pn_buf *out)
{
	const struct kafka_sink *k = sink;
	struct head head = { 0 };
	size_t start = out->len, value = 0;
	int ret = pn_buf_put(out, &head, sizeof(head));

	if (ret == 0 && k->has_keys)
		ret = put_key(r, out);
	if (ret == 0) {
		value = out->len;
		ret = pn_encode_styled(&k->style, r, out);
	}
	if (ret < 0) {
		out->len = start;
		return ret;
	}
	out->len--; /* the newline */
	head.key_len = (uint32_t)(value - start - sizeof(head));
	head.value_len = (uint32_t)(out->len - value);
	memcpy(out->data + start, &head, sizeof(head));
	return 0;
}

/* --- opening ------------------------------------------------------------------------------------- */

static int set(struct kafka_sink *k, const char *name, const char *value, struct pn_err *reterr)
{
	char why[256];

	if (rd_kafka_conf_set(k->conf, name, value, why, sizeof(why)) == RD_KAFKA_CONF_OK)
		return 0;
	return pn_err_set(reterr, -EINVAL, "%s", why);
}

static int set_number(struct kafka_sink *k, const char *name, uint64_t n, struct pn_err *reterr)
{
	char text[24];

	(void)snprintf(text, sizeof(text), "%llu", (unsigned long long)n);
	return set(k, name, text, reterr);
}

/* Those of users; what would make the ledger wrong, or load other code, is not theirs. */
static int set_property(struct kafka_sink *k, const char *name, const char *value,
			struct pn_err *reterr)
{
	static const char *const ours[] = { "bootstrap.servers", "metadata.broker.list",
					    "delivery.report.only.error", "plugin.library.paths" };

	for (size_t i = 0; i < PN_ARRAY_SIZE(ours); i++) {
		if (strcmp(name, ours[i]) == 0)
			return pn_err_set(reterr, -EINVAL, "property %s cannot be set here", name);
	}
	return set(k, name, value, reterr);
}

/* "name=value"; nothing, or a comment. Writes into @line. */
static int set_line(struct kafka_sink *k, char *line, struct pn_err *reterr)
{
	char *value;

	line[strcspn(line, "\r\n")] = '\0';
	line += strspn(line, " \t");
	if (!*line || *line == '#')
		return 0;
	value = strchr(line, '=');
	if (!value)
		return pn_err_set(reterr, -EINVAL, "should be PROPERTY=VALUE");
	*value++ = '\0';
	return set_property(k, line, value, reterr);
}

static int set_file(struct kafka_sink *k, const char *path, struct pn_err *reterr)
{
	FILE *f = fopen(path, "re");
	char line[MAX_LINE];
	unsigned int n = 0;
	int r = 0;

	if (!f) {
		r = -errno;
		return pn_err_set(reterr, r, "config: %s: %s", path, strerror(-r));
	}
	while (r == 0 && fgets(line, sizeof(line), f)) {
		n++;
		r = set_line(k, line, reterr);
	}
	if (r == 0 && ferror(f))
		r = pn_err_set(reterr, -EIO, "cannot be read");
	(void)fclose(f);
	return r < 0 ? pn_err_wrap(reterr, r, "config: %s:%u", path, n) : 0;
}

static int set_brokers(struct kafka_sink *k, const char *target, struct pn_err *reterr)
{
	PN_CLEANUP(pn_freep) char *list = strdup(target);

	if (!list)
		return pn_err_set(reterr, -ENOMEM, "no memory");
	for (char *at = list; (at = strchr(at, ';'));)
		*at = ',';
	return set(k, "bootstrap.servers", list, reterr);
}

static int set_values(struct kafka_sink *k, const struct values *v, struct pn_err *reterr)
{
	const bool is_safe = strcmp(v->acks, "all") == 0;
	int r = set(k, "client.id", "podonym", reterr);

	if (r == 0)
		r = set(k, "acks", v->acks, reterr);
	if (r == 0) /* an attempt that was repeated is there once */
		r = set(k, "enable.idempotence", is_safe ? "true" : "false", reterr);
	if (r == 0)
		r = set(k, "compression.codec", v->compression, reterr);
	if (r == 0)
		r = set_number(k, "queue.buffering.max.kbytes", v->buffer >> 10, reterr);
	if (r == 0)
		r = set_number(k, "message.timeout.ms", v->timeout / PN_NSEC_PER_MSEC, reterr);
	if (r == 0 && v->config)
		r = set_file(k, v->config, reterr);
	for (size_t i = 0; i < v->properties.n && r == 0; i++)
		r = set_property(k, v->properties.names[i], v->properties.values[i], reterr);
	return r;
}

static int configure(struct kafka_sink *k, const struct pn_sink_setup *setup, struct pn_err *reterr)
{
	int r = set_brokers(k, setup->target, reterr);

	if (r == 0)
		r = set_values(k, setup->values, reterr);
	rd_kafka_conf_set_opaque(k->conf, k);
	rd_kafka_conf_set_dr_msg_cb(k->conf, on_report);
	rd_kafka_conf_set_error_cb(k->conf, on_error);
	rd_kafka_conf_set_log_cb(k->conf, on_log);
	return r;
}

/* Records that have no report yet are the exporter's to count. */
static void kafka_close(void *sink)
{
	struct kafka_sink *k = sink;

	if (k->producer)
		rd_kafka_destroy(k->producer);
	if (k->conf)
		rd_kafka_conf_destroy(k->conf);
	free(k->topic);
	free(k);
}

static int kafka_open(const struct pn_sink_setup *setup, void **ret, struct pn_err *reterr)
{
	const struct values *values = setup->values;
	struct kafka_sink *k = calloc(1, sizeof(*k));
	int r;

	if (!k)
		return pn_err_set(reterr, -ENOMEM, "no memory");
	k->exporter = setup->exporter;
	k->style.node = setup->node;
	k->has_keys = strcmp(values->key, "pair") == 0;
	(void)pn_format_parse(values->format, &k->style.format);
	k->topic = strdup(values->topic);
	k->conf = rd_kafka_conf_new();
	r = k->topic ? configure(k, setup, reterr) : pn_err_set(reterr, -ENOMEM, "no memory");
	if (r == 0) /* combinations of properties are seen here only */
		r = start_producer(k, reterr);
	if (r < 0) {
		kafka_close(k);
		return r;
	}
	*ret = k;
	return 0;
}

const struct pn_sink_kind pn_sink_kind_kafka = {
	.name = "kafka",
	.target = "BROKER[:PORT][;BROKER...]",
	.options = options,
	.values_size = sizeof(struct values),
	.attend_ms = ATTEND_MS,
	.confirms_later = true,
	.open = kafka_open,
	.encode = kafka_encode,
	.send = kafka_send,
	.attend = kafka_attend,
	.close = kafka_close,
};
