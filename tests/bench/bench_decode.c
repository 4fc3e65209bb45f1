/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the way from the bytes of an answer to objects costs, in CPU time of this thread: lists of
 * pods, services and replica sets as a cluster has them, in both encodings, fed in the pieces that
 * come from a TLS connection. And what an object takes in memory.
 *
 *   bench_decode [OBJECTS]     default 10000
 */
#include <malloc.h>
#include <stdio.h>
#include <string.h>

#include "base/buf.h"
#include "base/clock.h"
#include "kube/pb_numbers.h"
#include "kube/wire.h"
#include "tests/bench/bench.h"

enum { PIECE = 16 << 10, REPEAT = 5 };

static unsigned int n_objects = 10000;

static void put(struct pn_buf *b, const void *data, size_t len)
{
	if (pn_buf_put(b, data, len) < 0)
		exit(1);
}

static void put_text(struct pn_buf *b, const char *text)
{
	put(b, text, strlen(text));
}

static void put_varint(struct pn_buf *b, uint64_t v)
{
	uint8_t byte;

	for (; v > 0x7f; v >>= 7) {
		byte = (uint8_t)(v | 0x80);
		put(b, &byte, 1);
	}
	byte = (uint8_t)v;
	put(b, &byte, 1);
}

static void put_field(struct pn_buf *b, unsigned int number, const void *data, size_t len)
{
	put_varint(b, number << 3 | 2);
	put_varint(b, len);
	put(b, data, len);
}

static void put_string(struct pn_buf *b, unsigned int number, const char *text)
{
	put_field(b, number, text, strlen(text));
}

static void put_int(struct pn_buf *b, unsigned int number, uint64_t v)
{
	put_varint(b, number << 3);
	put_varint(b, v);
}

/* Takes @inner's bytes, and frees it. */
static void put_message(struct pn_buf *b, unsigned int number, struct pn_buf *inner)
{
	put_field(b, number, inner->data, inner->len);
	pn_buf_done(inner);
}

static struct pn_buf new_buf(void)
{
	return PN_BUF_INIT((size_t)4 << 30);
}

static void put_entry(struct pn_buf *b, unsigned int number, const char *key, const char *value)
{
	struct pn_buf e = new_buf();

	put_string(&e, PB_ENTRY_KEY, key);
	put_string(&e, PB_ENTRY_VALUE, value);
	put_message(b, number, &e);
}

static void put_time(struct pn_buf *b, unsigned int number)
{
	struct pn_buf t = new_buf();

	put_int(&t, PB_TIME_SECONDS, 1709208001);
	put_int(&t, 2, 0);
	put_message(b, number, &t);
}

static const char *const labels[][2] = {
	{ "app.kubernetes.io/instance", "checkout-service-00017" },
	{ "app.kubernetes.io/managed-by", "Helm" },
	{ "app.kubernetes.io/name", "checkout-service" },
	{ "app.kubernetes.io/part-of", "webshop" },
	{ "app.kubernetes.io/version", "4.17.2" },
	{ "pod-template-hash", "7c9d5b8f64" },
	{ "team", "payments" },
};

/* An object's names: the ten pods of a ReplicaSet stand together, as in a list. */
struct names {
	char ns[32], name[80], owner[64], uid[40], owner_uid[40], rv[16], node[64], ip[20], ip6[40];
};

static struct names names_of(unsigned int i)
{
	struct names n;
	unsigned int app = i / 10;

	(void)snprintf(n.ns, sizeof(n.ns), "team-%03u", app % 100);
	(void)snprintf(n.owner, sizeof(n.owner), "checkout-service-%05u-7c9d5b8f64", app);
	(void)snprintf(n.name, sizeof(n.name), "%s-x%04u", n.owner, i % 10000);
	(void)snprintf(n.uid, sizeof(n.uid), "%08x-4d1c-4a7b-a2c1-0123456789ab", i * 2654435761u);
	(void)snprintf(n.owner_uid, sizeof(n.owner_uid), "%08x-4d1c-4a7b-a2c1-ba9876543210",
		       app * 2654435761u);
	(void)snprintf(n.rv, sizeof(n.rv), "%u", 1000000 + i);
	(void)snprintf(n.node, sizeof(n.node), "ip-10-1-%u-%u.eu-central-1.compute.internal", i % 4,
		       i * 7 % 250);
	(void)snprintf(n.ip, sizeof(n.ip), "10.%u.%u.%u", 128 + (i >> 16), i >> 8 & 255, i & 255);
	(void)snprintf(n.ip6, sizeof(n.ip6), "fd00:10:80::%x:%x", i >> 16, i & 0xffff);
	return n;
}

/* --- managedFields: what the servers put into each object about who changed what --- */

static const char fields_v1[] =
	"{\"f:metadata\":{\"f:annotations\":{\".\":{},\"f:checksum/config\":{},\"f:prometheus.io/"
	"port\":{},"
	"\"f:prometheus.io/scrape\":{}},\"f:generateName\":{},\"f:labels\":{\".\":{},"
	"\"f:app.kubernetes.io/instance\":{},\"f:app.kubernetes.io/managed-by\":{},"
	"\"f:app.kubernetes.io/"
	"name\":{},\"f:pod-template-hash\":{}},\"f:ownerReferences\":{\".\":{},"
	"\"k:{\\\"uid\\\":\\\"a1b2c3d4\\\"}\":{}}},\"f:spec\":{\"f:containers\":{\"k:{\\\"name\\\":"
	"\\\"app\\\"}\":{"
	"\".\":{},\"f:env\":{\".\":{},\"k:{\\\"name\\\":\\\"DATABASE_URL\\\"}\":{\".\":{},\"f:"
	"name\":{},"
	"\"f:valueFrom\":{\".\":{},\"f:secretKeyRef\":{}}},\"k:{\\\"name\\\":\\\"LOG_LEVEL\\\"}\":{"
	"\".\":{},"
	"\"f:name\":{},\"f:value\":{}}},\"f:image\":{},\"f:imagePullPolicy\":{},\"f:"
	"livenessProbe\":{\".\":{},"
	"\"f:failureThreshold\":{},\"f:httpGet\":{\".\":{},\"f:path\":{},\"f:port\":{},\"f:"
	"scheme\":{}}},"
	"\"f:name\":{},\"f:ports\":{\".\":{},\"k:{\\\"containerPort\\\":8080,\\\"protocol\\\":"
	"\\\"TCP\\\"}\":{"
	"\".\":{},\"f:containerPort\":{},\"f:name\":{},\"f:protocol\":{}}},\"f:resources\":{\".\":{"
	"},"
	"\"f:limits\":{\".\":{},\"f:memory\":{}},\"f:requests\":{\".\":{},\"f:cpu\":{},\"f:"
	"memory\":{}}}}}}}";

static void put_managed_json(struct pn_buf *b, unsigned int n)
{
	put_text(b, "\"managedFields\":[");
	for (unsigned int i = 0; i < n; i++)
		if (pn_buf_printf(
			    b,
			    "%s{\"manager\":\"kube-controller-manager\",\"operation\":\"Update\","
			    "\"apiVersion\":\"v1\",\"time\":\"2024-02-29T12:00:01Z\","
			    "\"fieldsType\":\"FieldsV1\",\"fieldsV1\":%s}",
			    i ? "," : "", fields_v1) < 0)
			exit(1);
	put_text(b, "]");
}

static void put_managed_pb(struct pn_buf *b, unsigned int n)
{
	for (unsigned int i = 0; i < n; i++) {
		struct pn_buf m = new_buf(), fields = new_buf();

		put_string(&m, 1, "kube-controller-manager");
		put_string(&m, 2, "Update");
		put_string(&m, 3, "v1");
		put_time(&m, 4);
		put_string(&m, 6, "FieldsV1");
		put_string(&fields, 1, fields_v1);
		put_message(&m, 7, &fields);
		put_message(b, 17, &m);
	}
}

/* --- objects --- */

static void put_meta_json(struct pn_buf *b, const struct names *n, unsigned int n_managed)
{
	if (pn_buf_printf(
		    b,
		    "\"metadata\":{\"name\":\"%s\",\"generateName\":\"%s-\",\"namespace\":\"%s\","
		    "\"uid\":\"%s\",\"resourceVersion\":\"%s\",\"generation\":1,"
		    "\"creationTimestamp\":\"2024-02-29T12:00:01Z\",\"labels\":{",
		    n->name, n->owner, n->ns, n->uid, n->rv) < 0)
		exit(1);
	for (size_t i = 0; i < PN_ARRAY_SIZE(labels); i++)
		if (pn_buf_printf(b, "%s\"%s\":\"%s\"", i ? "," : "", labels[i][0], labels[i][1]) <
		    0)
			exit(1);
	if (pn_buf_printf(
		    b,
		    "},\"annotations\":{\"checksum/config\":\"00000000000000110000000000000033\","
		    "\"prometheus.io/port\":\"9090\",\"prometheus.io/scrape\":\"true\"},"
		    "\"ownerReferences\":[{\"apiVersion\":\"apps/v1\",\"kind\":\"ReplicaSet\","
		    "\"name\":\"%s\",\"uid\":\"%s\",\"controller\":true,"
		    "\"blockOwnerDeletion\":true}],",
		    n->owner, n->owner_uid) < 0)
		exit(1);
	put_managed_json(b, n_managed);
	put_text(b, "}");
}

static void put_meta_pb(struct pn_buf *b, const struct names *n, unsigned int n_managed)
{
	struct pn_buf m = new_buf(), owner = new_buf();

	put_string(&m, PB_META_NAME, n->name);
	put_string(&m, 2, n->owner);
	put_string(&m, PB_META_NAMESPACE, n->ns);
	put_string(&m, 4, "");
	put_string(&m, PB_META_UID, n->uid);
	put_string(&m, PB_META_RESOURCE_VERSION, n->rv);
	put_int(&m, 7, 1);
	put_time(&m, PB_META_CREATION_TIMESTAMP);
	for (size_t i = 0; i < PN_ARRAY_SIZE(labels); i++)
		put_entry(&m, PB_META_LABELS, labels[i][0], labels[i][1]);
	put_entry(&m, PB_META_ANNOTATIONS, "checksum/config", "00000000000000110000000000000033");
	put_entry(&m, PB_META_ANNOTATIONS, "prometheus.io/port", "9090");
	put_entry(&m, PB_META_ANNOTATIONS, "prometheus.io/scrape", "true");
	put_string(&owner, PB_OWNER_KIND, "ReplicaSet");
	put_string(&owner, PB_OWNER_NAME, n->owner);
	put_string(&owner, PB_OWNER_UID, n->owner_uid);
	put_string(&owner, 5, "apps/v1");
	put_int(&owner, PB_OWNER_CONTROLLER, 1);
	put_int(&owner, 7, 1);
	put_message(&m, PB_META_OWNER_REFERENCES, &owner);
	put_managed_pb(&m, n_managed);
	put_message(b, PB_OBJECT_METADATA, &m);
}

/* What stands between the fields that are read: names and values in many small objects. */
static void put_filler_json(struct pn_buf *b, const char *key, unsigned int n)
{
	if (pn_buf_printf(b, "\"%s\":[", key) < 0)
		exit(1);
	for (unsigned int i = 0; i < n; i++)
		if (pn_buf_printf(b,
				  "%s{\"name\":\"SETTING_%u\",\"value\":\"http://otel-collector."
				  "observability.svc.cluster.local:4317\",\"readOnly\":true}",
				  i ? "," : "", i) < 0)
			exit(1);
	put_text(b, "]");
}

static void put_filler_pb(struct pn_buf *b, unsigned int number, unsigned int n)
{
	for (unsigned int i = 0; i < n; i++)
		put_entry(b, number, "SETTING_NUMBER",
			  "http://otel-collector.observability.svc.cluster.local:4317");
}

static void put_pod_json(struct pn_buf *b, unsigned int i)
{
	struct names n = names_of(i);

	put_text(b, "{");
	put_meta_json(b, &n, 3);
	put_text(b, ",\"spec\":{");
	put_filler_json(b, "volumes", 8);
	put_text(b,
		 ",\"containers\":[{\"name\":\"app\",\"image\":\"imagehub.example.com/webshop/"
		 "checkout-service:4.17.2\",\"ports\":[{\"name\":\"http\",\"containerPort\":8080,"
		 "\"protocol\":\"TCP\"},{\"name\":\"metrics\",\"containerPort\":9090,\"protocol\":"
		 "\"TCP\"}],");
	put_filler_json(b, "env", 8);
	put_text(b, "}],");
	put_filler_json(b, "tolerations", 4);
	if (pn_buf_printf(
		    b,
		    ",\"restartPolicy\":\"Always\",\"nodeName\":\"%s\"},\"status\":{\"phase\":"
		    "\"Running\",",
		    n.node) < 0)
		exit(1);
	put_filler_json(b, "conditions", 8);
	if (pn_buf_printf(b,
			  ",\"hostIP\":\"10.1.0.1\",\"podIP\":\"%s\",\"podIPs\":[{\"ip\":\"%s\"},"
			  "{\"ip\":\"%s\"}],\"startTime\":\"2024-02-29T12:00:02Z\",",
			  n.ip, n.ip, n.ip6) < 0)
		exit(1);
	put_filler_json(b, "containerStatuses", 4);
	put_text(b, "}}");
}

static void put_ports_pb(struct pn_buf *b, unsigned int number, unsigned int port)
{
	struct pn_buf p = new_buf();

	put_string(&p, 1, "http");
	put_int(&p, 2, 0);
	put_int(&p, 3, port);
	put_string(&p, 4, "TCP");
	put_string(&p, 5, "");
	put_message(b, number, &p);
}

static void put_ip_pb(struct pn_buf *b, const char *ip)
{
	struct pn_buf m = new_buf();

	put_string(&m, PB_POD_IP_IP, ip);
	put_message(b, PB_POD_STATUS_POD_IPS, &m);
}

static void put_pod_pb(struct pn_buf *b, unsigned int i)
{
	struct pn_buf spec = new_buf(), status = new_buf(), c = new_buf();
	struct names n = names_of(i);

	put_meta_pb(b, &n, 3);
	put_filler_pb(&spec, 1, 4);
	put_string(&c, 1, "app");
	put_string(&c, 2, "imagehub.example.com/webshop/checkout-service:4.17.2");
	put_ports_pb(&c, PB_CONTAINER_PORTS, 8080);
	put_ports_pb(&c, PB_CONTAINER_PORTS, 9090);
	put_filler_pb(&c, 7, 6);
	put_message(&spec, PB_POD_SPEC_CONTAINERS, &c);
	put_string(&spec, 3, "Always");
	put_string(&spec, PB_POD_SPEC_NODE_NAME, n.node);
	put_int(&spec, PB_POD_SPEC_HOST_NETWORK, 0);
	put_filler_pb(&spec, 22, 4);
	put_string(&status, PB_POD_STATUS_PHASE, "Running");
	put_filler_pb(&status, 2, 5);
	put_string(&status, PB_POD_STATUS_POD_IP, n.ip);
	put_time(&status, PB_POD_STATUS_START_TIME);
	put_filler_pb(&status, 8, 4);
	put_ip_pb(&status, n.ip);
	put_ip_pb(&status, n.ip6);
	put_message(b, PB_OBJECT_SPEC, &spec);
	put_message(b, PB_OBJECT_STATUS, &status);
}

static void put_partial_json(struct pn_buf *b, unsigned int i)
{
	struct names n = names_of(i);

	put_text(b, "{");
	put_meta_json(b, &n, 2);
	put_text(b, "}");
}

static void put_partial_pb(struct pn_buf *b, unsigned int i)
{
	struct names n = names_of(i);

	put_meta_pb(b, &n, 2);
}

static void put_service_json(struct pn_buf *b, unsigned int i)
{
	struct names n = names_of(i);

	put_text(b, "{");
	put_meta_json(b, &n, 1);
	if (pn_buf_printf(
		    b,
		    ",\"spec\":{\"ports\":[{\"name\":\"http\",\"protocol\":\"TCP\",\"port\":80,"
		    "\"targetPort\":\"http\"},{\"name\":\"metrics\",\"protocol\":\"TCP\","
		    "\"port\":9090,\"targetPort\":\"metrics\"}],\"clusterIP\":\"%s\","
		    "\"clusterIPs\":[\"%s\",\"%s\"],\"type\":\"ClusterIP\"},\"status\":"
		    "{\"loadBalancer\":{}}}",
		    n.ip, n.ip, n.ip6) < 0)
		exit(1);
}

static void put_service_pb(struct pn_buf *b, unsigned int i)
{
	struct pn_buf spec = new_buf(), port = new_buf();
	struct names n = names_of(i);

	put_meta_pb(b, &n, 1);
	put_string(&port, PB_SERVICE_PORT_NAME, "http");
	put_string(&port, PB_SERVICE_PORT_PROTOCOL, "TCP");
	put_int(&port, PB_SERVICE_PORT_PORT, 80);
	put_int(&port, PB_SERVICE_PORT_NODE_PORT, 0);
	put_message(&spec, PB_SERVICE_SPEC_PORTS, &port);
	put_string(&spec, PB_SERVICE_SPEC_CLUSTER_IP, n.ip);
	put_string(&spec, PB_SERVICE_SPEC_TYPE, "ClusterIP");
	put_string(&spec, PB_SERVICE_SPEC_CLUSTER_IPS, n.ip);
	put_string(&spec, PB_SERVICE_SPEC_CLUSTER_IPS, n.ip6);
	put_message(b, PB_OBJECT_SPEC, &spec);
}

/* --- a list of them --- */

struct sort {
	const char *what;
	enum pn_kind_id kind;
	const char *list_kind;
	void (*put_json)(struct pn_buf *b, unsigned int i);
	void (*put_pb)(struct pn_buf *b, unsigned int i);
};

static struct pn_buf list_json(const struct sort *s)
{
	struct pn_buf b = new_buf();

	if (pn_buf_printf(&b,
			  "{\"kind\":\"%s\",\"metadata\":{\"resourceVersion\":\"7\"},\"items\":[",
			  s->list_kind) < 0)
		exit(1);
	for (unsigned int i = 0; i < n_objects; i++) {
		if (i)
			put_text(&b, ",");
		s->put_json(&b, i);
	}
	put_text(&b, "]}\n");
	return b;
}

static struct pn_buf list_pb(const struct sort *s)
{
	struct pn_buf b = new_buf(), raw = new_buf(), meta = new_buf(), type = new_buf();

	put_string(&meta, PB_LIST_META_RESOURCE_VERSION, "7");
	put_message(&raw, PB_LIST_METADATA, &meta);
	for (unsigned int i = 0; i < n_objects; i++) {
		struct pn_buf item = new_buf();

		s->put_pb(&item, i);
		put_message(&raw, PB_LIST_ITEMS, &item);
	}
	put(&b, PN_PB_MAGIC, PN_PB_MAGIC_LEN);
	put_string(&type, 1, "v1");
	put_string(&type, PB_TYPE_META_KIND, s->list_kind);
	put_message(&b, PB_UNKNOWN_TYPE_META, &type);
	put_message(&b, PB_UNKNOWN_RAW, &raw);
	return b;
}

/* --- measuring --- */

/* Objects live as long as in a store, so that memory is not just handed round. */
static const struct pn_object **kept;
static unsigned int n_kept;

static int keep(void *data, const struct pn_object *obj)
{
	(void)data;
	kept[n_kept++] = pn_object_ref(obj);
	return 0;
}

static void refused(void *data, const struct pn_err *why)
{
	(void)data;
	fprintf(stderr, "bench_decode: %s\n", why->text);
	exit(1);
}

static void drop_all(void)
{
	while (n_kept)
		pn_object_unref(kept[--n_kept]);
}

static void read_list(const struct pn_wire_config *config, const char *type, const struct pn_buf *b)
{
	static const struct pn_wire_ops ops = { .item = keep, .refused = refused };
	struct pn_err err = { "" };
	struct pn_wire *w;
	int r = pn_wire_open(config, PN_WIRE_LIST, type, &ops, NULL, &w, &err);

	for (size_t at = 0; r == 0 && at < b->len; at += PIECE)
		r = pn_wire_feed(w, b->data + at, PN_MIN((size_t)PIECE, b->len - at), &err);
	if (r == 0)
		r = pn_wire_end(w, &err);
	if (r < 0) {
		fprintf(stderr, "bench_decode: %s\n", err.text);
		exit(1);
	}
	pn_wire_close(w);
}

static void measure(const struct sort *s, bool keep_labels, const char *encoding, const char *type,
		    const struct pn_buf *b)
{
	struct pn_wire_config config = { .kind = pn_kind_get(s->kind),
					 .protobuf = true,
					 .keep_labels = keep_labels };
	pn_nsec start, best = PN_NSEC_NEVER, t;
	size_t memory = 0;

	for (int i = 0; i < REPEAT; i++) {
		drop_all();
		start = cpu_time();
		read_list(&config, type, b);
		t = cpu_time() - start;
		best = PN_MIN(best, t);
	}
	for (unsigned int i = 0; i < n_kept; i++)
		memory += malloc_usable_size((void *)(uintptr_t)kept[i]) + sizeof(size_t);
	printf("%-12s %-8s %s %6zu bytes %8.0f ns/object %7.0f MB/s %5zu bytes kept\n", s->what,
	       encoding, keep_labels ? "labels" : "      ", b->len / n_objects,
	       (double)best / n_objects, (double)b->len * 1e3 / (double)best, memory / n_objects);
	drop_all();
}

static const struct sort sorts[] = {
	{ "pods", PN_KIND_POD, "PodList", put_pod_json, put_pod_pb },
	{ "replicasets", PN_KIND_REPLICASET, "PartialObjectMetadataList", put_partial_json,
	  put_partial_pb },
	{ "services", PN_KIND_SERVICE, "ServiceList", put_service_json, put_service_pb },
};

int main(int argc, char **argv)
{
	if (argc > 1)
		n_objects = (unsigned int)strtoul(argv[1], NULL, 10);
	kept = n_objects ? calloc(n_objects, sizeof(*kept)) : NULL;
	if (!kept) {
		fprintf(stderr, "usage: bench_decode [OBJECTS]\n");
		return 2;
	}
	for (size_t i = 0; i < PN_ARRAY_SIZE(sorts); i++) {
		struct pn_buf json = list_json(&sorts[i]), pb = list_pb(&sorts[i]);

		for (int labels_too = 0; labels_too < 2; labels_too++) {
			measure(&sorts[i], labels_too, "protobuf",
				"application/vnd.kubernetes.protobuf", &pb);
			measure(&sorts[i], labels_too, "json", "application/json", &json);
		}
		pn_buf_done(&json);
		pn_buf_done(&pb);
	}
	free(kept);
	return 0;
}
