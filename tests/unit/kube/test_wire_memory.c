/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Lack of memory, at every point of whole answers: it is told as such, never taken for a bad object,
 * and nothing stays behind.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "tests/unit/kube/failing_malloc.h"
#include "tests/unit/kube/wire_fixture.h"

#define META(name)                                                                                 \
	"'metadata':{'namespace':'ns-" name "','name':'" name "','uid':'u','resourceVersion':'1'," \
	"'labels':{'kubernetes.io/service-name':'s','a-" name "':'b'},'ownerReferences':["         \
	"{'kind':'Owner','name':'o-" name "','uid':'u-" name "','controller':true}]}"

struct sample {
	enum pn_kind_id kind;
	const char *list, *event;
};

#define SAMPLE(id, name, list_name, rest)                                                \
	{                                                                                \
		id,                                                                      \
			"{'kind':'" list_name                                            \
			"','metadata':{'resourceVersion':'7'},'items':[{" META("a") rest \
			"},{" META("b") rest "}]}",                                      \
			"{'kind':'" name "'," META("a") rest "}"                         \
	}

static const struct sample samples[] = {
	SAMPLE(PN_KIND_POD, "Pod", "PodList",
	       ",'spec':{'nodeName':'n','containers':[{'ports':[{'hostPort':1}]}]},'status':{'"
	       "podIPs':["
	       "{'ip':'10.0.0.1'},{'ip':'fd00::1'}]}"),
	SAMPLE(PN_KIND_SERVICE, "Service", "ServiceList",
	       ",'spec':{'type':'ClusterIP','clusterIP':'10.0.0.1','ports':[{'name':'h','port':1}]"
	       "}"),
	SAMPLE(PN_KIND_REPLICASET, "PartialObjectMetadata", "PartialObjectMetadataList", ""),
	SAMPLE(PN_KIND_ENDPOINTSLICE, "EndpointSlice", "EndpointSliceList",
	       ",'addressType':'IPv4','ports':[{'name':'h','port':1}],'endpoints':[{'addresses':["
	       "'10.0.0.1'],'nodeName':'n','targetRef':{'kind':'Pod','name':'p'}}]"),
	SAMPLE(PN_KIND_NETWORKPOLICY, "NetworkPolicy", "NetworkPolicyList",
	       ",'spec':{'podSelector':{'matchLabels':{'a':'b'}},'ingress':[{'ports':[{'port':'h'}]"
	       ","
	       "'from':[{'podSelector':{'matchExpressions':[{'key':'k','operator':'In','values':['"
	       "v']"
	       "}]}},{'ipBlock':{'cidr':'10.0.0.0/8','except':['10.1.0.0/16']}}]}]}"),
};

static unsigned int n_seen;

static int count_item(void *data, const struct pn_object *obj)
{
	(void)data;
	(void)obj;
	n_seen++;
	return 0;
}

static int count_event(void *data, enum pn_event event, const struct pn_object *obj)
{
	(void)event;
	return count_item(data, obj);
}

static void never_refused(void *data, const struct pn_err *why)
{
	(void)data;
	fail_msg("lack of memory was taken for a bad object: %s", why->text);
}

static const struct pn_wire_ops counting = { .item = count_item,
					     .event = count_event,
					     .refused = never_refused };

/* The whole answer, in two pieces, while the @nth allocation fails. Return: as of the wire */
static int play(const struct pn_wire_config *config, enum pn_wire_mode mode, const char *type,
		const struct pn_buf *b, unsigned long nth)
{
	struct pn_wire *w = NULL;
	int r;

	n_seen = 0;
	has_failed = false;
	n_until_failure = nth;
	r = pn_wire_open(config, mode, type, &counting, NULL, &w, NULL);
	if (r == 0)
		r = pn_wire_feed(w, b->data, b->len / 3, NULL);
	if (r == 0)
		r = pn_wire_feed(w, b->data + b->len / 3, b->len - b->len / 3, NULL);
	if (r == 0)
		r = pn_wire_end(w, NULL);
	n_until_failure = 0;
	pn_wire_close(w);
	assert_int_equal(pn_intern_count(), 0);
	assert_int_equal(pn_controller_count(), 0);
	return r;
}

/* A table that cannot grow is no error, so a failure need not be seen. */
static void play_all(const struct pn_wire_config *config, enum pn_wire_mode mode, const char *type,
		     const struct pn_buf *b, unsigned int n_objects)
{
	unsigned long nth = 1;

	for (;; nth++) {
		int r = play(config, mode, type, b, nth);

		assert_true(r == 0 || (r == -ENOMEM && has_failed));
		if (r == 0)
			assert_int_equal(n_seen, n_objects);
		if (!has_failed)
			break;
	}
	assert_true(nth > 5);
}

static void lack_of_memory_is_never_taken_for_a_bad_object(void **state)
{
	(void)state;
	if (!CAN_FAIL) {
		print_message(
			"# the sanitizers bring their own malloc(); the release build runs this\n");
		skip();
	}
	for (size_t i = 0; i < PN_ARRAY_SIZE(samples) * 2; i++) {
		const struct sample *s = &samples[i / 2];
		struct pn_wire_config config = { .kind = pn_kind_get(s->kind),
						 .protobuf = true,
						 .keep_labels = true };
		const char *type = i % 2 ? protobuf_content : json_content;
		struct pn_buf list = make_list(s->list, message_of(s->kind), i % 2);
		struct pn_buf event = PN_BUF_INIT(1 << 20);

		add_event(&event, "ADDED", s->event, message_of(s->kind), i % 2);
		play_all(&config, PN_WIRE_LIST, type, &list, 2);
		play_all(&config, PN_WIRE_WATCH, type, &event, 1);
		pn_buf_done(&list);
		pn_buf_done(&event);
	}
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(lack_of_memory_is_never_taken_for_a_bad_object),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
