/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The wire: lists and watches in both encodings, however they are cut; what is refused, and what ends
 * them.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "kube/framing.h"
#include "tests/unit/kube/wire_fixture.h"

static const char list_text[] =
	"{'kind':'PodList','apiVersion':'v1','metadata':{'resourceVersion':'7','continue':'t'},"
	"'items':[{'metadata':{'namespace':'a','name':'p1','resourceVersion':'1','annotations':"
	"{'x':'}{\\\"'},'managedFields':[{'manager':'m'}]},'spec':{'nodeName':'n'}},"
	"{'metadata':{'namespace':'a','name':'p/2'}},"
	"{'metadata':{'namespace':'a','name':'p3','resourceVersion':'3'}}]}";
static const char list_seen[] = "item a/p1@1\n"
				"refused a/(no name): name: characters that no name has\n"
				"item a/p3@3\n";

static struct seen pods(void)
{
	return (struct seen) { .config = { .kind = pn_kind_get(PN_KIND_POD), .protobuf = true } };
}

static const char *type_of(bool is_protobuf)
{
	return is_protobuf ? protobuf_content : json_content;
}

static void check_list_seen(struct seen *s)
{
	assert_string_equal(s->out.data, list_seen);
	assert_string_equal(pn_wire_resource_version(s->wire), "7");
	assert_string_equal(pn_wire_continue(s->wire), "t");
	seen_close(s);
}

static void list_is_the_same_however_it_is_cut(void **state)
{
	(void)state;
	for (int is_protobuf = 0; is_protobuf < 2; is_protobuf++) {
		struct pn_buf b = make_list(list_text, &api__pod__descriptor, is_protobuf);
		struct seen s = pods();

		for (size_t cut = 0; cut <= b.len; cut++) {
			seen_open(&s, PN_WIRE_LIST, type_of(is_protobuf));
			assert_int_equal(feed_cut(&s, &b, cut), 0);
			check_list_seen(&s);
		}
		for (size_t piece = 1; piece < 100; piece += 6) {
			seen_open(&s, PN_WIRE_LIST, type_of(is_protobuf));
			assert_int_equal(feed_all(&s, &b, piece), 0);
			check_list_seen(&s);
		}
		pn_buf_done(&b);
	}
}

static void list_that_ends_early_is_no_list(void **state)
{
	(void)state;
	for (int is_protobuf = 0; is_protobuf < 2; is_protobuf++) {
		struct pn_buf b = make_list(list_text, &api__pod__descriptor, is_protobuf);
		struct seen s = pods();
		size_t len = b.len, last = len;

		/* behind the list there are two empty fields, four bytes, that nobody needs */
		if (is_protobuf)
			last -= 4;
		for (b.len = 0; b.len < last; b.len++) {
			seen_open(&s, PN_WIRE_LIST, type_of(is_protobuf));
			assert_int_equal(feed_all(&s, &b, 64), -EBADMSG);
			assert_true(s.err.text[0]);
			seen_close(&s);
		}
		b.len = len;
		pn_buf_done(&b);
	}
}

static void add_events(struct pn_buf *b, bool is_protobuf)
{
	const ProtobufCMessageDescriptor *pod = &api__pod__descriptor;

	add_event(b, "ADDED",
		  "{'kind':'Pod','metadata':{'namespace':'a','name':'p','resourceVersion':'1'}}",
		  pod, is_protobuf);
	add_event(b, "MODIFIED",
		  "{'kind':'Pod','metadata':{'name':'p','resourceVersion':'2'},'status':{'podIP':'"
		  "10.0.0.1'}}",
		  pod, is_protobuf);
	add_event(b, "BOOKMARK",
		  "{'kind':'Pod','metadata':{'resourceVersion':'3','annotations':{'x':'true','k8s."
		  "io/initial-events-end':'true'}},'spec':{'containers':null}}",
		  pod, is_protobuf);
	add_event(b, "BOOKMARK",
		  "{'kind':'Pod','metadata':{'resourceVersion':'4','annotations':{'x':'true','k8s."
		  "io/initial-events-end':'false'}}}",
		  pod, is_protobuf);
	add_event(b, "DELETED", "{'kind':'Pod','metadata':{'name':'p','resourceVersion':'5'}}", pod,
		  is_protobuf);
	add_event(b, "ADDED", "{'kind':'Service','metadata':{'name':'s','resourceVersion':'6'}}",
		  pod, is_protobuf);
	add_event(b, "BOOKMARK", "{'kind':'Service','metadata':{'name':'s','resourceVersion':'6'}}",
		  pod, is_protobuf);
	add_event(b, "BOOKMARK", "{'kind':'Pod','metadata':{'name':'s'}}", pod, is_protobuf);
	add_event(b, "ERROR",
		  "{'kind':'Status','status':'Failure','message':'too "
		  "old','reason':'Expired','code':410,'details':{'retryAfterSeconds':3}}",
		  &api__status__descriptor, is_protobuf);
}

static void check_events_seen(const char *seen, bool is_protobuf)
{
	const char *bookmarks = is_protobuf
					? "refused s: kind: not a Pod\n"
					  "refused bookmark: no resourceVersion\n"
					: "refused bookmark: wrong kind, or no resourceVersion\n"
					  "refused bookmark: wrong kind, or no resourceVersion\n";
	char want[512];

	(void)snprintf(want, sizeof(want),
		       "event 0 a/p@1\nevent 1 /p@2\nbookmark 3 end\nbookmark 4\nevent 2 /p@5\n"
		       "refused s: kind: not a Pod\n%serror 410 Expired: too old 3\n",
		       bookmarks);
	assert_string_equal(seen, want);
}

static void watch_is_the_same_however_it_is_cut(void **state)
{
	(void)state;
	for (int is_protobuf = 0; is_protobuf < 2; is_protobuf++) {
		struct pn_buf b = PN_BUF_INIT(1 << 20);
		struct seen s = pods();

		add_events(&b, is_protobuf);
		for (size_t cut = 0; cut <= b.len; cut++) {
			seen_open(&s, PN_WIRE_WATCH, type_of(is_protobuf));
			assert_int_equal(feed_cut(&s, &b, cut), 0);
			check_events_seen(s.out.data, is_protobuf);
			seen_close(&s);
		}
		seen_open(&s, PN_WIRE_WATCH, type_of(is_protobuf));
		assert_int_equal(feed_all(&s, &b, 1), 0);
		check_events_seen(s.out.data, is_protobuf);
		seen_close(&s);
		pn_buf_done(&b);
	}
}

static void check_bad_list(const char *text, const ProtobufCMessageDescriptor *item,
			   const char *message)
{
	for (int is_protobuf = 0; is_protobuf < 2; is_protobuf++) {
		struct pn_buf b = make_list(text, item, is_protobuf);
		struct seen s = pods();

		seen_open(&s, PN_WIRE_LIST, type_of(is_protobuf));
		assert_int_equal(feed_all(&s, &b, 64), -EBADMSG);
		assert_string_equal(s.err.text, message);
		assert_string_equal(s.out.data, "");
		seen_close(&s);
		pn_buf_done(&b);
	}
}

static void what_is_no_list_of_the_kind_is_refused(void **state)
{
	const ProtobufCMessageDescriptor *pod = &api__pod__descriptor;
	char text[256], rv[129];

	(void)state;
	check_bad_list("{'kind':'Table','metadata':{'resourceVersion':'7'},'rows':[{}],'items':[]}",
		       pod, "a Table instead of a PodList");
	check_bad_list("{'kind':'ServiceList','metadata':{'resourceVersion':'7'},'items':[]}", pod,
		       "a ServiceList instead of a PodList");
	check_bad_list("{'kind':'PartialObjectMetadataList','metadata':{'resourceVersion':'7'}}",
		       pod, "a PartialObjectMetadataList instead of a PodList");
	check_bad_list("{'kind':'a b','metadata':{'resourceVersion':'7'}}", pod,
		       "a list without a usable kind");
	check_bad_list("{'kind':'PodList','metadata':{'resourceVersion':'1/2'},'items':[]}", pod,
		       "a list without a usable metadata");
	memset(rv, '1', sizeof(rv) - 1);
	rv[sizeof(rv) - 1] = '\0';
	(void)snprintf(text, sizeof(text), "{'kind':'PodList','metadata':{'resourceVersion':'%s'}}",
		       rv);
	check_bad_list(text, pod, "a list without a usable metadata");
}

static void metadata_alone_is_a_list_where_it_was_asked_for(void **state)
{
	static const char text[] = "{'kind':'PartialObjectMetadataList','metadata':{"
				   "'resourceVersion':'7'},'items':[{'metadata':{'name':'r'}}]}";

	(void)state;
	for (int is_protobuf = 0; is_protobuf < 2; is_protobuf++) {
		struct pn_buf b =
			make_list(text, &api__partial_object_metadata__descriptor, is_protobuf);
		struct seen s = { .config = { .kind = pn_kind_get(PN_KIND_REPLICASET),
					      .protobuf = true } };

		for (int is_pod = 0; is_pod < 2; is_pod++) {
			seen_open(&s, PN_WIRE_LIST, type_of(is_protobuf));
			assert_int_equal(feed_all(&s, &b, 64), 0);
			assert_string_equal(s.out.data, "item /r@\n");
			seen_close(&s);
			s.config.kind = pn_kind_get(PN_KIND_POD);
			s.config.metadata_only = true;
		}
		pn_buf_done(&b);
	}
}

static void content_encoded_twice_is_refused(void **state)
{
	struct pn_buf b = PN_BUF_INIT(1024), event = PN_BUF_INIT(1024);
	struct seen s = pods();

	(void)state;
	add_envelope(&b, "PodList", "gzip", (const uint8_t *)"", 0);
	seen_open(&s, PN_WIRE_LIST, protobuf_content);
	assert_int_equal(feed_all(&s, &b, 64), -EBADMSG);
	assert_non_null(strstr(s.err.text, "encoded once more"));
	seen_close(&s);
	pn_buf_reset(&b);
	add_envelope(&b, "Pod", "gzip", (const uint8_t *)"", 0);
	add_protobuf_event(&event, "ADDED", &b);
	seen_open(&s, PN_WIRE_WATCH, protobuf_content);
	assert_int_equal(feed_all(&s, &event, 64), -EBADMSG);
	seen_close(&s);
	pn_buf_done(&b);
	pn_buf_done(&event);
}

static void bytes_that_are_no_object_cost_an_item_or_end_the_watch(void **state)
{
	static const char *const objects[] = { "\x0a\xff", "\x0b", "\x0a\x03\x0a\x05x", "\x02",
					       "\x08\xff\xff\xff\xff\xff\xff\xff\xff\xff\x7f" };
	Api__List list = API__LIST__INIT;
	Api__ListMeta meta = API__LIST_META__INIT;
	ProtobufCBinaryData item;

	(void)state;
	meta.resourceversion = (char *)(uintptr_t) "7";
	list.metadata = &meta;
	list.n_items = 1;
	list.items = &item;
	for (size_t i = 0; i < PN_ARRAY_SIZE(objects); i++) {
		struct pn_buf b = PN_BUF_INIT(1024), event = PN_BUF_INIT(1024);
		struct seen s = pods();
		struct bytes packed;

		item = (ProtobufCBinaryData) { strlen(objects[i]),
					       (uint8_t *)(uintptr_t)objects[i] };
		packed = pack(&list.base);
		add_envelope(&b, "PodList", "", packed.data, packed.len);
		seen_open(&s, PN_WIRE_LIST, protobuf_content);
		assert_int_equal(feed_all(&s, &b, 64), 0);
		assert_string_equal(s.out.data, "refused (no name): invalid protobuf\n");
		seen_close(&s);
		pn_buf_reset(&b);
		add_envelope(&b, "Pod", "", item.data, item.len);
		add_protobuf_event(&event, "ADDED", &b);
		seen_open(&s, PN_WIRE_WATCH, protobuf_content);
		assert_int_equal(feed_all(&s, &event, 64), -EBADMSG);
		assert_string_equal(s.err.text, "invalid protobuf");
		seen_close(&s);
		pn_buf_done(&b);
		pn_buf_done(&event);
		bytes_done(&packed);
	}
}

static void unknown_events_end_the_watch(void **state)
{
	(void)state;
	for (int is_protobuf = 0; is_protobuf < 2; is_protobuf++) {
		struct pn_buf b = PN_BUF_INIT(1 << 20);
		struct seen s = pods();

		add_event(&b, "RENAMED", "{'kind':'Pod','metadata':{'name':'p'}}",
			  &api__pod__descriptor, is_protobuf);
		seen_open(&s, PN_WIRE_WATCH, type_of(is_protobuf));
		assert_int_equal(feed_all(&s, &b, 64), -EBADMSG);
		assert_string_equal(s.err.text, "a watch event of an unknown type");
		seen_close(&s);
		pn_buf_done(&b);
	}
}

static void what_a_callback_returns_ends_the_feed(void **state)
{
	(void)state;
	for (int is_protobuf = 0; is_protobuf < 2; is_protobuf++) {
		struct pn_buf b = make_list(list_text, &api__pod__descriptor, is_protobuf);
		struct seen s = pods();

		s.refuse = -ECANCELED;
		seen_open(&s, PN_WIRE_LIST, type_of(is_protobuf));
		assert_int_equal(feed_all(&s, &b, b.len), -ECANCELED);
		assert_string_equal(s.out.data, "item a/p1@1\n");
		seen_close(&s);
		pn_buf_done(&b);
	}
}

/* An event of @size bytes, nearly all of it in a field that nobody reads. */
static int feed_event(struct seen *s, size_t size)
{
	static const uint8_t object[] = "\x0a\x05"
					"ADDED\x12";
	uint8_t head[64], *body = test_alloc(size);
	size_t n = sizeof(object) - 1, left = size - n - 5;
	int r;

	for (int i = 0; i < 4; i++)
		head[i] = (uint8_t)(size >> (24 - 8 * i));
	memcpy(body, object, n);
	for (int i = 0; i < 5; i++, left >>= 7)
		body[n + (size_t)i] = (uint8_t)((left & 0x7f) | (i < 4 ? 0x80 : 0));
	r = feed_piece(s, (const char *)head, 4);
	for (size_t at = 0; r == 0 && at < size; at += 65536)
		r = feed_piece(s, (const char *)body + at, PN_MIN((size_t)65536, size - at));
	free(body);
	return r;
}

static void event_at_the_limit_passes_and_one_byte_more_does_not(void **state)
{
	struct seen s = pods();

	(void)state;
	seen_open(&s, PN_WIRE_WATCH, protobuf_content);
	/* taken as a whole; that its object is none is found out then */
	assert_int_equal(feed_event(&s, PN_FRAMING_MAX_OBJECT), -EBADMSG);
	assert_string_equal(s.err.text, "a watch event whose object cannot be read");
	seen_close(&s);
	seen_open(&s, PN_WIRE_WATCH, protobuf_content);
	assert_int_equal(feed_event(&s, PN_FRAMING_MAX_OBJECT + 1), -EMSGSIZE);
	assert_non_null(strstr(s.err.text, "more than 16777216 bytes"));
	seen_close(&s);
}

static void check_accept(enum pn_kind_id kind, bool protobuf, enum pn_wire_mode mode,
			 const char *want)
{
	struct pn_wire_config config = { .kind = pn_kind_get(kind), .protobuf = protobuf };

	assert_string_equal(pn_wire_accept(&config, mode), want);
}

#define PARTIAL(type, list) type ";as=PartialObjectMetadata" list ";g=meta.k8s.io;v=v1"
#define JSON "application/json"
#define PROTOBUF "application/vnd.kubernetes.protobuf"

static void each_kind_is_asked_for_as_it_is_read(void **state)
{
	(void)state;
	check_accept(PN_KIND_POD, false, PN_WIRE_LIST, JSON);
	check_accept(PN_KIND_POD, true, PN_WIRE_LIST, PROTOBUF "," JSON);
	check_accept(PN_KIND_POD, true, PN_WIRE_WATCH, PROTOBUF "," JSON);
	check_accept(PN_KIND_REPLICASET, true, PN_WIRE_LIST,
		     PARTIAL(PROTOBUF, "List") "," PARTIAL(JSON, "List") "," JSON);
	check_accept(PN_KIND_JOB, true, PN_WIRE_WATCH,
		     PARTIAL(PROTOBUF, "") "," PARTIAL(JSON, "") "," JSON);
	check_accept(PN_KIND_REPLICASET, false, PN_WIRE_LIST, PARTIAL(JSON, "List") "," JSON);
}

static void answers_in_other_types_are_refused(void **state)
{
	struct pn_wire_config config = { .kind = pn_kind_get(PN_KIND_POD) };
	struct pn_wire *w = NULL;
	struct pn_err err;

	(void)state;
	assert_int_equal(
		pn_wire_open(&config, PN_WIRE_LIST, protobuf_content, &seen_ops, NULL, &w, &err),
		-EPROTO);
	assert_string_equal(err.text,
			    "an answer in application/vnd.kubernetes.protobuf instead of JSON");
	config.protobuf = true;
	assert_int_equal(
		pn_wire_open(&config, PN_WIRE_LIST, "text/plain", &seen_ops, NULL, &w, &err),
		-EPROTO);
	assert_string_equal(err.text, "an answer in text/plain instead of protobuf or JSON");
	assert_null(w);
	pn_wire_close(NULL);
}

/* --- generic kinds --- */

static int transform(void *data, json_t *object)
{
	json_t *meta = json_object_get(object, "metadata");
	const char *name = json_string_value(json_object_get(meta, "name"));

	++*(int *)data;
	if (strcmp(name, "bad") == 0)
		return -EPERM;
	assert_null(json_object_get(meta, "managedFields"));
	assert_string_equal(json_string_value(json_object_get(object, "kind")), "Widget");
	assert_string_equal(json_string_value(json_object_get(object, "apiVersion")),
			    "example.com/v1");
	return json_object_set_new(meta, "resourceVersion", json_string("changed"));
}

static void transform_changes_each_generic_object_once(void **state)
{
	static const char text[] = "{'kind':'WidgetList','metadata':{'resourceVersion':'7'},'items'"
				   ":[{'metadata':{'name':"
				   "'w','managedFields':[{}]}},{'metadata':{'name':'bad'}}]}";
	struct pn_buf b = make_list(text, NULL, false);
	struct pn_kind *kind;
	int n = 0;
	struct seen s;

	(void)state;
	assert_int_equal(pn_kind_new_generic("example.com", "v1", "Widget", "widgets", true, &kind),
			 0);
	s = (struct seen) { .config = { .kind = kind,
					.protobuf = true,
					.transform = transform,
					.transform_data = &n } };
	assert_string_equal(pn_wire_accept(&s.config, PN_WIRE_LIST), JSON);
	seen_open(&s, PN_WIRE_LIST, json_content);
	assert_int_equal(feed_all(&s, &b, 64), 0);
	assert_string_equal(s.out.data, "item /w@changed\nrefused bad: the transform says: "
					"Operation not permitted\n");
	assert_int_equal(n, 2);
	seen_close(&s);
	pn_kind_free(kind);
	pn_buf_done(&b);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_teardown(name, nothing_stays_interned)
	static const struct CMUnitTest tests[] = {
		TEST(list_is_the_same_however_it_is_cut),
		TEST(list_that_ends_early_is_no_list),
		TEST(watch_is_the_same_however_it_is_cut),
		TEST(what_is_no_list_of_the_kind_is_refused),
		TEST(metadata_alone_is_a_list_where_it_was_asked_for),
		TEST(content_encoded_twice_is_refused),
		TEST(bytes_that_are_no_object_cost_an_item_or_end_the_watch),
		TEST(unknown_events_end_the_watch),
		TEST(what_a_callback_returns_ends_the_feed),
		TEST(event_at_the_limit_passes_and_one_byte_more_does_not),
		TEST(each_kind_is_asked_for_as_it_is_read),
		TEST(answers_in_other_types_are_refused),
		TEST(transform_changes_each_generic_object_once),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
