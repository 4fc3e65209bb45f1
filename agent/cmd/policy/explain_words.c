/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a rule wants, what there is, and what could be changed, in the words that people use for it:
 * app=api, not in (a, b), podSelector app=web.
 */
#include "cmd/policy/explain_words.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

/* Behind what is in it already. */
static void PN_PRINTF(3, 4) append(char *buf, size_t size, const char *fmt, ...)
{
	size_t len = strlen(buf);
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(buf + len, size - len, fmt, ap);
	va_end(ap);
}

/* --- conditions --- */

static const char *whose(const struct pn_condition *c)
{
	switch (c->kind) {
	case PN_CONDITION_NAMESPACE_LABEL:
		return "namespace label ";
	case PN_CONDITION_NODE_LABEL:
		return "node label ";
	case PN_CONDITION_NAMESPACE:
		return "namespace ";
	default:
		return "";
	}
}

static void append_values(const struct pn_condition *c, char *buf, size_t size)
{
	append(buf, size, "(");
	for (uint32_t i = 0; i < c->n_values; i++)
		append(buf, size, "%s%s", i ? ", " : "", c->values[i]);
	append(buf, size, ")");
}

void pn_condition_wanted(const struct pn_condition *c, char *buf, size_t size)
{
	(void)snprintf(buf, size, "%s", whose(c));
	if (!*c->key) {
		append(buf, size, "%s", c->wanted);
		return;
	}
	switch (c->op) {
	case PN_SELECTOR_EXISTS:
		append(buf, size, "%s, any value", c->key);
		return;
	case PN_SELECTOR_DOES_NOT_EXIST:
		append(buf, size, "no %s", c->key);
		return;
	case PN_SELECTOR_NOT_IN:
		append(buf, size, "%s not in ", c->key);
		break;
	default:
		if (c->n_values == 1) {
			append(buf, size, "%s=%s", c->key, c->values[0]);
			return;
		}
		append(buf, size, "%s in ", c->key);
		break;
	}
	append_values(c, buf, size);
}

void pn_condition_has(const struct pn_condition *c, char *buf, size_t size)
{
	if (!*c->key)
		(void)snprintf(buf, size, "%s%s", whose(c), c->has);
	else if (c->has)
		(void)snprintf(buf, size, "%s=%s", c->key, c->has);
	else
		(void)snprintf(buf, size, "no %s", c->key);
}

/* --- fixes --- */

static void append_labels(const json_t *selector, char *buf, size_t size)
{
	json_t *labels = json_object_get(selector, "matchLabels");
	const char *separator = " ", *key;
	json_t *value;

	if (!json_object_size(labels))
		append(buf, size, " {}, every pod");
	json_object_foreach (labels, key, value) {
		append(buf, size, "%s%s=%s", separator, key, json_string_value(value));
		separator = ",";
	}
}

static void append_peer(const json_t *peer, char *buf, size_t size)
{
	static const char *const selectors[] = { "podSelector", "namespaceSelector" };
	const json_t *pods = json_object_get(peer, "pods");
	const json_t *block = json_object_get(peer, "ipBlock");
	const json_t *networks = json_object_get(peer, "networks");
	const char *separator = "";

	if (block)
		append(buf, size, "ipBlock %s", json_string_value(json_object_get(block, "cidr")));
	if (networks)
		append(buf, size, "networks %s", json_string_value(json_array_get(networks, 0)));
	for (size_t i = 0; i < PN_ARRAY_SIZE(selectors); i++) {
		const json_t *s = json_object_get(pods ? pods : peer, selectors[i]);

		if (!s)
			continue;
		append(buf, size, "%s%s", separator, selectors[i]);
		append_labels(s, buf, size);
		separator = " and ";
	}
}

/* Of any of the three ways to write one. */
static void append_port(const json_t *port, char *buf, size_t size)
{
	static const char *const protos[] = { "tcp", "udp", "sctp" };
	const json_t *number = json_object_get(port, "portNumber");
	const json_t *from = number ? number : port;

	for (size_t i = 0; i < PN_ARRAY_SIZE(protos); i++) {
		const json_t *p =
			json_object_get(json_object_get(port, protos[i]), "destinationPort");

		if (p)
			append(buf, size, "%s %lld", protos[i],
			       (long long)json_integer_value(json_object_get(p, "number")));
	}
	if (json_object_get(from, "protocol"))
		append(buf, size, "%s %lld", json_string_value(json_object_get(from, "protocol")),
		       (long long)json_integer_value(json_object_get(from, "port")));
}

static void append_rule(const json_t *rule, char *buf, size_t size)
{
	const json_t *from = json_object_get(rule, "from"), *to = json_object_get(rule, "to");
	const json_t *ports = json_object_get(rule, "ports");
	const json_t *protocols = json_object_get(rule, "protocols");

	append(buf, size, "%s ", from ? "from" : "to");
	append_peer(json_array_get(from ? from : to, 0), buf, size);
	append(buf, size, ", ");
	append_port(json_array_get(ports ? ports : protocols, 0), buf, size);
}

void pn_fix_words(const struct pn_policy_fix *fix, char *buf, size_t size)
{
	const char *action = json_string_value(json_object_get(fix->entry, "action"));

	buf[0] = '\0';
	switch (fix->change) {
	case PN_FIX_ADD_PEER:
		append(buf, size, "one more peer in rule %u: ", fix->rule + 1);
		append_peer(fix->entry, buf, size);
		break;
	case PN_FIX_ADD_PORT:
		append(buf, size, "one more port in rule %u, for all its peers: ", fix->rule + 1);
		append_port(fix->entry, buf, size);
		break;
	case PN_FIX_NEW_POLICY:
		append(buf, size, "a new policy: ");
		append_rule(fix->entry, buf, size);
		break;
	case PN_FIX_ADD_RULE:
		if (action)
			append(buf, size, "a rule in front of rule %u: %s ", fix->rule + 1, action);
		else
			append(buf, size, "one more rule: ");
		append_rule(fix->entry, buf, size);
		break;
	}
}
