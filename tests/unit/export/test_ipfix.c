/* SPDX-License-Identifier: Apache-2.0 */
/*
 * IPFIX messages, read back by what RFC 7011 says of them: templates first, then sets whose records
 * have the template's fields one behind the other.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "export/ipfix.h"
#include "tests/unit/export/record_fixture.h"

enum { MAX_FIELDS = 64, MAX_TEXT = 64 << 10, PEN = 4711, DOMAIN = 9, UNIX_TIME = 1773921785 };

struct field {
	uint32_t pen;
	uint16_t id, len;
};

struct template
{
	struct field fields[MAX_FIELDS];
	size_t n;
};

/* What a collector knows: templates 256 and 257, and the records so far as text, a line each. */
struct collector {
	struct template templates[2];
	char text[MAX_TEXT];
	uint32_t sequence;
	size_t n_records;
};

static uint64_t take(const uint8_t **at, const uint8_t *end, size_t n)
{
	uint64_t v = 0;

	assert_true((size_t)(end - *at) >= n);
	while (n--)
		v = v << 8 | *(*at)++;
	return v;
}

static void read_template(struct collector *c, const uint8_t *at, const uint8_t *end)
{
	size_t id = take(&at, end, 2), n = take(&at, end, 2);
	struct template *t = &c->templates[id - 256];

	assert_true(id == 256 || id == 257);
	assert_true(n > 0 && n <= MAX_FIELDS);
	t->n = n;
	for (size_t i = 0; i < n; i++) {
		struct field *f = &t->fields[i];

		f->id = (uint16_t)take(&at, end, 2);
		f->len = (uint16_t)take(&at, end, 2);
		f->pen = f->id & 0x8000 ? (uint32_t)take(&at, end, 4) : 0;
		f->id &= 0x7fff;
	}
	assert_ptr_equal(at, end);
}

/* " PEN/ID=VALUE": a number, or the bytes in quotes; addresses in hexadecimal */
static void add_field(struct collector *c, const struct field *f, const uint8_t *value, size_t len)
{
	char *text = c->text + strlen(c->text);
	size_t room = sizeof(c->text) - strlen(c->text);
	const uint8_t *at = value;

	if (f->len == 65535)
		(void)snprintf(text, room, " %u/%u='%.*s'", f->pen, f->id, (int)len,
			       (const char *)value);
	else if (len == 16)
		(void)snprintf(text, room, " %u/%u=%02x..%02x", f->pen, f->id, value[0], value[15]);
	else
		(void)snprintf(text, room, " %u/%u=%llu", f->pen, f->id,
			       (unsigned long long)take(&at, value + len, len));
}

static void read_records(struct collector *c, size_t id, const uint8_t *at, const uint8_t *end)
{
	const struct template *t = &c->templates[id - 256];

	assert_true(t->n > 0); /* the template has come before */
	while (at < end) {
		for (size_t i = 0; i < t->n; i++) {
			size_t len = t->fields[i].len;

			if (len == 65535)
				len = take(&at, end, 1);
			if (t->fields[i].len == 65535 && len == 255)
				len = take(&at, end, 2);
			assert_true((size_t)(end - at) >= len);
			add_field(c, &t->fields[i], at, len);
			at += len;
		}
		(void)strcat(c->text, "\n");
		c->n_records++;
	}
}

static void read_message(struct collector *c, const char *message, size_t len)
{
	const uint8_t *at = (const uint8_t *)message, *end = at + len;
	size_t before = c->n_records;

	assert_int_equal(take(&at, end, 2), 10);
	assert_int_equal(take(&at, end, 2), len);
	assert_int_equal(take(&at, end, 4), UNIX_TIME);
	assert_int_equal(take(&at, end, 4), c->sequence);
	assert_int_equal(take(&at, end, 4), DOMAIN);
	while (at < end) {
		size_t id = take(&at, end, 2), set_len = take(&at, end, 2);

		assert_true(set_len > 4 && (size_t)(end - at) >= set_len - 4);
		if (id == 2)
			read_template(c, at, at + set_len - 4);
		else
			read_records(c, id, at, at + set_len - 4);
		at += set_len - 4;
	}
	c->sequence += (uint32_t)(c->n_records - before);
}

static void read_all(struct collector *c, const struct pn_buf *messages)
{
	size_t len;

	for (size_t at = 0; at < messages->len; at += len) {
		len = pn_ipfix_message_len(messages->data + at);
		read_message(c, messages->data + at, len);
	}
}

static void begin(struct collector *c)
{
	struct pn_buf out = PN_BUF_INIT(1 << 20);

	*c = (struct collector) { 0 };
	assert_int_equal(pn_ipfix_templates(PEN, DOMAIN, 0, UNIX_TIME, &out), 0);
	read_all(c, &out);
	assert_int_equal(c->templates[0].n, c->templates[1].n);
	pn_buf_done(&out);
}

/* All of the records in messages of at most @max_len bytes, read. Return: how many messages */
static size_t send_all(struct collector *c, const struct pn_buf *records, size_t max_len)
{
	struct pn_buf out = PN_BUF_INIT(1 << 20);
	size_t at = 0, taken, n = 0;

	while (at < records->len) {
		pn_buf_reset(&out);
		assert_true(pn_ipfix_message(records->data + at, records->len - at, max_len, DOMAIN,
					     c->sequence, UNIX_TIME, &out, &taken) > 0);
		assert_true(out.len <= max_len);
		read_all(c, &out);
		at += taken;
		n++;
	}
	pn_buf_done(&out);
	return n;
}

static void a_record_has_all_of_its_fields(void **state)
{
	struct pn_buf records = PN_BUF_INIT(1 << 20);
	struct pn_flow_record r = sample_record();
	struct collector c;

	(void)state;
	begin(&c);
	r.drop = (struct pn_record_drop) { .packets = 3, .bytes = 180, .reason = "NETFILTER_DROP" };
	assert_int_equal(pn_ipfix_record(&r, 1000, &records), 0);
	assert_int_equal(send_all(&c, &records, 1352), 1);
	assert_string_equal(
		c.text,
		" 0/8=167772161 0/12=167772418 0/7=43210 0/11=5432 0/4=6 0/1=12000 0/2=18 0/6=18"
		" 29305/1=3000 29305/2=14 29305/6=19 0/152=1773921782000 0/153=1773921784512"
		" 0/136=2 0/148=18446744073709551615 0/176=0 0/177=0 0/239=1 0/132=180 0/133=3"
		" 4711/1=1250 4711/2=1 4711/3='NETFILTER_DROP' 4711/4='ip' 4711/5='ip'"
		" 4711/6='shop' 4711/7='db' 4711/11='Pod' 4711/12='shop' 4711/13='web-7d9'"
		" 4711/14='Deployment' 4711/15='web' 4711/16='n1' 4711/17='' 4711/21='Pod'"
		" 4711/22='shop' 4711/23='db-0' 4711/24='StatefulSet' 4711/25='db' 4711/26='n2'"
		" 4711/27=''\n");
	pn_buf_done(&records);
}

static void ipv6_and_icmp_have_elements_of_their_own(void **state)
{
	struct pn_buf records = PN_BUF_INIT(1 << 20);
	struct pn_flow_record r = sample_record();
	struct collector c;

	(void)state;
	begin(&c);
	r.is_v4 = false;
	r.source.addr = (struct pn_addr) { { 0xfd, [15] = 1 } };
	r.destination.addr = (struct pn_addr) { { 0xfd, [15] = 2 } };
	r.proto = IPPROTO_ICMPV6;
	r.icmp_type = 128;
	r.state = PN_FLOW_IDLE;
	r.source.owner = NULL;
	r.service = NULL;
	assert_int_equal(pn_ipfix_record(&r, 1000, &records), 0);
	assert_int_equal(send_all(&c, &records, 1352), 1);
	assert_non_null(strstr(c.text, " 0/27=fd..01 0/28=fd..02 "));
	assert_non_null(strstr(c.text, " 0/178=128 0/179=0 "));
	assert_non_null(strstr(c.text, " 0/136=1 "));
	assert_non_null(strstr(c.text, " 4711/11='' 4711/12='' 4711/13='' "));
	pn_buf_done(&records);
}

static void messages_are_no_longer_than_allowed_and_are_numbered(void **state)
{
	struct pn_buf records = PN_BUF_INIT(1 << 20);
	struct pn_flow_record r = sample_record();
	struct collector c;

	(void)state;
	for (int i = 0; i < 20; i++) {
		r.is_v4 = i % 3 != 0;
		assert_int_equal(pn_ipfix_record(&r, 508, &records), 0);
	}
	begin(&c);
	assert_true(send_all(&c, &records, 528) > 5);
	assert_int_equal(c.n_records, 20);
	assert_int_equal(c.sequence, 20);
	begin(&c);
	assert_int_equal(send_all(&c, &records, 16384), 1);
	assert_int_equal(c.n_records, 20);
	pn_buf_done(&records);
}

static void long_names_are_cut_only_where_they_must_be(void **state)
{
	struct pn_buf records = PN_BUF_INIT(1 << 20);
	struct pn_owner owner = owner_web;
	struct pn_flow_record r = sample_record();
	struct collector c;
	char name[301], shown[320];

	(void)state;
	memset(name, 'x', 300);
	name[300] = '\0';
	owner.name = name;
	r.source.owner = &owner;
	assert_int_equal(pn_ipfix_record(&r, 1000, &records), 0);
	begin(&c);
	assert_int_equal(send_all(&c, &records, 1352), 1);
	(void)snprintf(shown, sizeof(shown), " 4711/13='%s' ", name);
	assert_non_null(strstr(c.text, shown));

	pn_buf_reset(&records);
	assert_int_equal(pn_ipfix_record(&r, 450, &records), 0);
	begin(&c);
	assert_int_equal(send_all(&c, &records, 1352), 1);
	assert_null(strstr(c.text, shown));
	assert_non_null(strstr(c.text, "='xxxxxxxxxxxxxxxx"));
	assert_non_null(strstr(c.text, "4711/23='db-0'"));

	pn_buf_reset(&records);
	assert_int_equal(pn_ipfix_record(&r, 60, &records), -EMSGSIZE);
	assert_int_equal(records.len, 0);
	pn_buf_done(&records);
}

static void a_message_can_be_numbered_anew(void **state)
{
	struct pn_buf out = PN_BUF_INIT(1 << 20);

	(void)state;
	assert_int_equal(pn_ipfix_templates(PEN, DOMAIN, 77, UNIX_TIME, &out), 0);
	assert_int_equal(pn_ipfix_message_sequence(out.data), 77);
	pn_ipfix_set_sequence(out.data, 0x01020304);
	assert_int_equal(pn_ipfix_message_sequence(out.data), 0x01020304);
	pn_buf_done(&out);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_record_has_all_of_its_fields),
		cmocka_unit_test(ipv6_and_icmp_have_elements_of_their_own),
		cmocka_unit_test(messages_are_no_longer_than_allowed_and_are_numbered),
		cmocka_unit_test(long_names_are_cut_only_where_they_must_be),
		cmocka_unit_test(a_message_can_be_numbered_anew),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
