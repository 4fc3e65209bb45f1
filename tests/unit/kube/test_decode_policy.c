/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Network policies: what is understood, what the API's defaults make of absent fields, and what marks
 * a policy as not to be trusted.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/unit/kube/decode_fixture.h"

static void check_spec(const char *spec, const char *want)
{
	char text[1024];

	(void)snprintf(text, sizeof(text), "{'metadata':{'namespace':'a','name':'p'},'spec':%s}",
		       spec);
	check_decoded(PN_KIND_NETWORKPOLICY, text, want);
}

static void whole_policy_is_kept(void **state)
{
	(void)state;
	check_spec(
		"{'podSelector':{'matchLabels':{'b':'2','a':'1'},'matchExpressions':[{'key':'tier',"
		"'operator':'In','values':['x','y']},{'key':'old','operator':'DoesNotExist'}]},"
		"'policyTypes':['Ingress','Egress'],'ingress':[{'ports':[{'port':80},{'protocol':"
		"'UDP','port':'dns'},{'port':1000,'endPort':2000},{'protocol':'SCTP'}],'from':["
		"{'podSelector':{},'namespaceSelector':{'matchExpressions':[{'key':'env','operator'"
		":"
		"'NotIn','values':['test']},{'key':'k','operator':'Exists'}]}},{'ipBlock':{'cidr':"
		"'10.0.0.0/8','except':['10.1.0.0/16','10.2.0.0/16']}}]}],'egress':[{},{'to':["
		"{'ipBlock':{'cidr':'fd00::/16'}}]}]}",
		"ingress egress {a=1,b=2 tier in(x,y) old absent()}\n"
		"in 80-80/6 dns0-0/17 1000-2000/6 0-0/132 pods={} namespaces={ env notin(test) k "
		"exists()}; block=10.0.0.0/104 except=10.1.0.0/112 10.2.0.0/112;\n"
		"out\n"
		"out block=fd00::/16 except=;");
}

static void absent_types_are_ingress_and_what_has_rules(void **state)
{
	(void)state;
	check_spec("{'podSelector':{}}", "ingress {}");
	check_spec("{}", "ingress {}");
	check_spec("{'policyTypes':[],'egress':[]}", "ingress {}");
	check_spec("{'egress':[{}]}", "ingress egress {}\nout");
	check_spec("{'policyTypes':['Egress']}", "egress {}");
	check_spec("{'policyTypes':['Egress'],'ingress':[{}]}", "egress {}\nin");
	check_spec("{'ingress':null,'egress':null,'policyTypes':null}", "ingress {}");
}

static void what_is_not_understood_marks_the_policy(void **state)
{
	static const char *const rules[] = {
		"{'ports':[{'port':0}]}",
		"{'ports':[{'port':65536}]}",
		"{'ports':[{'port':-1}]}",
		"{'ports':[{'port':''}]}",
		"{'ports':[{'endPort':5}]}",
		"{'ports':[{'port':'dns','endPort':5}]}",
		"{'ports':[{'port':10,'endPort':5}]}",
		"{'ports':[{'port':10,'endPort':70000}]}",
		"{'ports':[{'port':10,'protocol':'ICMP'}]}",
		"{'from':[{}]}",
		"{'from':[{'podSelector':{},'ipBlock':{'cidr':'10.0.0.0/8'}}]}",
		"{'from':[{'ipBlock':{}}]}",
		"{'from':[{'ipBlock':{'cidr':'10.0.0.0'}}]}",
		"{'from':[{'ipBlock':{'cidr':'10.0.0.0/33'}}]}",
	};
	static const char *const selectors[] = {
		"{'matchExpressions':[{'key':'a','operator':'Near','values':['b']}]}",
		"{'matchExpressions':[{'key':'a','operator':'In'}]}",
		"{'matchExpressions':[{'key':'a','operator':'Exists','values':['b']}]}",
		"{'matchExpressions':[{'key':'','operator':'Exists'}]}",
		"{'matchExpressions':[{'key':'a','operator':'In','values':['b c']}]}",
		"{'matchLabels':{'a b':'c'}}",
	};
	char spec[256];

	(void)state;
	for (size_t i = 0; i < PN_ARRAY_SIZE(rules); i++) {
		(void)snprintf(spec, sizeof(spec), "{'ingress':[%s]}", rules[i]);
		check_spec(spec, "ingress invalid {}\nin");
	}
	for (size_t i = 0; i < PN_ARRAY_SIZE(selectors); i++) {
		(void)snprintf(spec, sizeof(spec), "{'podSelector':%s}", selectors[i]);
		check_spec(spec, "ingress invalid {}");
	}
	check_spec("{'policyTypes':['Sideways']}", "invalid {}");
	check_spec("{'ingress':[{'from':[{'ipBlock':{'cidr':'10.0.0.0/8','except':['x']}}]}]}",
		   "ingress invalid {}\nin block=10.0.0.0/104 except=;");
}

static void labels_of_the_policy_itself_are_no_reason_to_distrust_it(void **state)
{
	struct pn_decoding decoding = { .kind = pn_kind_get(PN_KIND_NETWORKPOLICY),
					.keep_labels = true };
	struct pn_object *obj =
		decode_with(&decoding, "{'metadata':{'name':'p','labels':{'a b':'c'}},'spec':{}}");

	(void)state;
	assert_int_equal(obj->n_refused, 1);
	assert_false(pn_object_networkpolicy(obj)->is_invalid);
	pn_object_unref(obj);
}

static void wrong_types_refuse_the_policy(void **state)
{
	static const char *const specs[] = {
		"[]",
		"{'podSelector':[]}",
		"{'podSelector':{'matchLabels':[]}}",
		"{'podSelector':{'matchLabels':{'a':1}}}",
		"{'podSelector':{'matchExpressions':[1]}}",
		"{'ingress':{}}",
		"{'ingress':[{'from':{}}]}",
		"{'ingress':[{'from':[{'ipBlock':[]}]}]}",
		"{'ingress':[{'ports':[{'port':true}]}]}",
		"{'ingress':[{'ports':[{'port':1.5}]}]}",
		"{'policyTypes':'Ingress'}",
		"{'policyTypes':[1]}",
	};
	struct pn_object *obj = NULL;
	char text[256];

	(void)state;
	for (size_t i = 0; i < PN_ARRAY_SIZE(specs); i++) {
		(void)snprintf(text, sizeof(text), "{'metadata':{'name':'p'},'spec':%s}", specs[i]);
		assert_int_equal(try_decode(PN_KIND_NETWORKPOLICY, text, &obj, NULL), -EINVAL);
	}
	assert_null(obj);
}

static void nothing_multiplies_without_a_limit(void **state)
{
	struct pn_buf text = PN_BUF_INIT(1 << 20);
	struct pn_object *obj = NULL;

	(void)state;
	SAY(&text, "{'metadata':{'name':'p'},'spec':{'ingress':[{}");
	for (int i = 0; i < 5000; i++)
		SAY(&text, ",{}");
	SAY(&text, "]}}");
	obj = decode(PN_KIND_NETWORKPOLICY, text.data);
	assert_int_equal(pn_object_networkpolicy(obj)->n_ingress, 1024);
	assert_int_equal(obj->n_refused, 5001 - 1024);
	assert_true(pn_object_networkpolicy(obj)->is_invalid);
	pn_object_unref(obj);
	pn_buf_done(&text);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_teardown(name, nothing_stays_interned)
	static const struct CMUnitTest tests[] = {
		TEST(whole_policy_is_kept),
		TEST(absent_types_are_ingress_and_what_has_rules),
		TEST(what_is_not_understood_marks_the_policy),
		TEST(labels_of_the_policy_itself_are_no_reason_to_distrust_it),
		TEST(wrong_types_refuse_the_policy),
		TEST(nothing_multiplies_without_a_limit),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
