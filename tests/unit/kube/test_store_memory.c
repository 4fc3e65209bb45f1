/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Lack of memory at every point: each operation is repeated with another allocation failing, until
 * none fails. As long as one does, the store is in all of its parts as it was before.
 */
#include "store_fixture.h"

#include "failing_malloc.h"

/* --- what the store holds, as text --- */

struct lines {
	char *line[512];
	size_t n;
};

static void add_line(struct lines *l, const char *index, const char *value,
		     const struct pn_object *obj)
{
	char text[256];

	(void)snprintf(text, sizeof(text), "%s %s %s@%s\n", index, value, obj ? obj->name : "",
		       obj ? obj->resource_version : "");
	assert_true(l->n < PN_ARRAY_SIZE(l->line));
	l->line[l->n] = strdup(text);
	assert_non_null(l->line[l->n++]);
}

static void add_found(struct lines *l, const char *index, const char *value, struct pn_iter *it)
{
	const struct pn_object *obj;

	while ((obj = pn_iter_next(it)))
		add_line(l, index, value, obj);
}

struct dump {
	struct pn_store *store;
	const char *index;
	struct lines lines;
};

static bool add_value(void *data, const char *text)
{
	struct dump *d = data;
	struct pn_iter it;

	add_line(&d->lines, d->index, text, NULL);
	(void)pn_store_by_index(d->store, d->index, text, &it);
	add_found(&d->lines, d->index, text, &it);
	return true;
}

static int compare_lines(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

static char *dump(struct pn_store *s)
{
	static const char *const indexes[] = { "ip", "controller", "namespace" };
	struct dump d = { .store = s };
	struct pn_buf text = PN_BUF_INIT(1 << 20);
	struct pn_iter it;

	pn_store_each(s, &it);
	add_found(&d.lines, "each", "", &it);
	for (size_t i = 0; i < PN_ARRAY_SIZE(indexes); i++) {
		d.index = indexes[i];
		if (pn_store_index_values(s, d.index, add_value, &d) == 0)
			add_line(&d.lines, d.index, "exists", NULL);
	}
	qsort(d.lines.line, d.lines.n, sizeof(d.lines.line[0]), compare_lines);
	assert_int_equal(pn_buf_printf(&text, "%zu\n", pn_store_count(s)), 0);
	for (size_t i = 0; i < d.lines.n; i++) {
		assert_int_equal(pn_buf_printf(&text, "%s", d.lines.line[i]), 0);
		free(d.lines.line[i]);
	}
	return text.data;
}

/* --- operations --- */

typedef int (*operation)(struct pn_store *s, void *data);

/* Return: how many allocations it takes */
static unsigned long until_it_works(struct pn_store *s, operation op, void *data)
{
	char *before = dump(s), *after;
	unsigned long n;
	int r;

	for (n = 1;; n++) {
		n_until_failure = n;
		r = op(s, data);
		if (n_until_failure) {
			n_until_failure = 0;
			break;
		}
		after = dump(s);
		assert_string_equal(after, before);
		free(after);
		assert_int_equal(r, -ENOMEM);
	}
	assert_int_equal(r, 0);
	free(before);
	return n - 1;
}

static int op_put(struct pn_store *s, void *data)
{
	const struct pn_object *old;
	int r = pn_store_put(s, data, &old);

	if (r == 0)
		pn_object_unref(old);
	return r;
}

static int op_remove(struct pn_store *s, void *data)
{
	const struct pn_object *old;
	int r = pn_store_remove(s, data, &old);

	if (r == 0)
		pn_object_unref(old);
	return r;
}

static int op_stage_begin(struct pn_store *s, void *data)
{
	(void)data;
	return pn_store_stage_begin(s);
}

static int op_stage(struct pn_store *s, void *data)
{
	return pn_store_stage(s, data);
}

static int op_add_index(struct pn_store *s, void *data)
{
	return pn_store_add_index(s, data);
}

static unsigned long with_object(struct pn_store *s, operation op, const char *spec)
{
	struct pn_object *obj = object(spec);
	unsigned long n = until_it_works(s, op, obj);

	pn_object_unref(obj);
	return n;
}

static bool hear_remove(void *data, const struct pn_object *last)
{
	(void)data;
	(void)last;
	return true;
}

static bool hear_put(void *data, const struct pn_object *old, const struct pn_object *obj)
{
	(void)data;
	(void)old;
	(void)obj;
	return true;
}

static void commit(struct pn_store *s)
{
	static const struct pn_store_diff diff = { hear_remove, hear_put };

	n_until_failure = 1;
	pn_store_commit(s, &diff, NULL);
	assert_int_equal(n_until_failure, 1);
	n_until_failure = 0;
}

static struct pn_store *new_store(void)
{
	static const struct pn_indexer *const indexers[] = { &pn_indexer_ip, &pn_indexer_controller,
							     &pn_indexer_namespace };
	struct pn_store *s;

	assert_int_equal(pn_store_new(&s), 0);
	for (size_t i = 0; i < PN_ARRAY_SIZE(indexers); i++)
		assert_int_equal(pn_store_add_index(s, indexers[i]), 0);
	return s;
}

static void done(struct pn_store *s)
{
	pn_store_free(s);
	pn_store_barrier();
	assert_int_equal(pn_intern_count(), 0);
}

static void new_store_is_there_or_not(void **state)
{
	struct pn_store *s = NULL;
	unsigned long n = 0;
	int r;

	(void)state;
	need_malloc();
	done(new_store()); /* liburcu's thread is there */
	do {
		n_until_failure = ++n;
		r = pn_store_new(&s);
		assert_true(n_until_failure || r == -ENOMEM);
	} while (!n_until_failure);
	n_until_failure = 0;
	assert_true(n > 2);
	done(s);
}

static void put_and_remove_are_done_whole_or_not_at_all(void **state)
{
	struct pn_store *s;
	unsigned long n = 0;
	char spec[96];

	(void)state;
	need_malloc();
	s = new_store();
	for (int i = 0; i < 40; i++) {
		(void)snprintf(spec, sizeof(spec), "ns-%d/p%d u 1 owner-%d 10.0.0.1 10.0.1.%d",
			       i / 8, i, i / 4, i);
		n += with_object(s, op_put, spec);
	}
	for (int i = 0; i < 40; i += 3) {
		(void)snprintf(spec, sizeof(spec),
			       "ns-%d/p%d u 2 new-%d 10.0.2.%d 10.0.0.1 10.0.3.%d", i / 8, i, i, i,
			       i);
		n += with_object(s, op_put, spec);
	}
	for (int i = 0; i < 40; i += 2) {
		(void)snprintf(spec, sizeof(spec), "ns-%d/p%d u 1", i / 8, i);
		n += with_object(s, op_remove, spec);
	}
	assert_true(n > 20);
	check_index(s, "controller", "owner-1", "p5 p7 ");
	done(s);
}

static void list_is_collected_whole_or_not_at_all(void **state)
{
	struct pn_store *s;
	unsigned long n;
	char spec[96];

	(void)state;
	need_malloc();
	s = new_store();
	put(s, "ns/old u 1 x 10.0.0.1");
	put(s, "ns/p1 u 1 x 10.0.0.1");
	n = until_it_works(s, op_stage_begin, NULL);
	for (int i = 0; i < 30; i++) {
		(void)snprintf(spec, sizeof(spec), "ns/p%d u 1 x 10.0.0.1 10.0.1.%d", i, i);
		n += with_object(s, op_stage, spec);
		n += with_object(s, op_stage, i % 2 ? spec : "ns/p0 u 3 y 10.0.0.3");
	}
	assert_true(n > 20);
	check_index(s, "ip", "10.0.0.1", "old p1 ");
	commit(s);
	assert_int_equal(pn_store_count(s), 30);
	check_index(s, "controller", "y", "p0 ");
	check_index(s, "ip", "10.0.1.7", "p7 ");
	done(s);
}

static void index_is_added_whole_or_not_at_all(void **state)
{
	struct pn_indexer more = pn_indexer_controller;
	struct pn_store *s;

	(void)state;
	need_malloc();
	s = new_store();
	put(s, "ns/a u 1 x");
	put(s, "ns/b u 1 x");
	put(s, "ns/c u 1 y");
	assert_int_equal(pn_store_stage_begin(s), 0);
	stage(s, "ns/a u 2 x");
	stage(s, "ns/d u 2 x");
	more.name = "more";
	assert_true(until_it_works(s, op_add_index, &more) > 5);
	check_index(s, "more", "x", "a b ");
	commit(s);
	check_index(s, "more", "x", "a d ");
	drop(s, "ns/a u 1");
	check_index(s, "more", "x", "d ");
	done(s);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(new_store_is_there_or_not),
		cmocka_unit_test(put_and_remove_are_done_whole_or_not_at_all),
		cmocka_unit_test(list_is_collected_whole_or_not_at_all),
		cmocka_unit_test(index_is_added_whole_or_not_at_all),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
