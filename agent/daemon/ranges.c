/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The file with names for networks: parsed as a whole or refused as a whole, so that a slip of the
 * pen never takes half of the names away. The agent looks once a second whether it has changed: a
 * file that a volume brings is replaced by a symbolic link, of which a watch on the file says nothing.
 */
#include "daemon/ranges.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cidr.h"
#include "base/number.h"
#include "kube/file.h"

enum {
	MAX_BYTES = 4 << 20,
	MAX_RANGES = 65536,
	BITS = 128,
	V4_FIRST_BIT = 96,
};

struct parser {
	const char *path;
	unsigned int line;
	struct pn_ranges *out;
	size_t cap;
};

static char *skip_blanks(char *s)
{
	while (isblank((unsigned char)*s))
		s++;
	return s;
}

static void cut_blanks(char *s)
{
	size_t len = strlen(s);

	while (len > 0 && isspace((unsigned char)s[len - 1]))
		s[--len] = '\0';
}

static bool has_host_bits(const struct pn_cidr *c)
{
	for (unsigned int bit = c->prefix_len; bit < BITS; bit++) {
		if (c->addr.b[bit / 8] & 0x80u >> bit % 8)
			return true;
	}
	return false;
}

static int bad(const struct parser *p, struct pn_err *reterr, const char *network, const char *why)
{
	return pn_err_set(reterr, -EINVAL, "%s:%u: \"%s\" %s", p->path, p->line, network, why);
}

/* "10.0.0.0/8", "fd00::/8", or one address. @text is changed. */
static int parse_network(const struct parser *p, char *text, struct pn_cidr *ret,
			 struct pn_err *reterr)
{
	char *slash = strchr(text, '/');
	unsigned int first, most;
	uint64_t len;
	int r = 0;

	if (slash)
		*slash = '\0';
	if (pn_addr_parse(text, &ret->addr) < 0)
		return bad(p, reterr, text, "is not an address");
	first = pn_addr_is_v4(&ret->addr) ? V4_FIRST_BIT : 0;
	most = BITS - first;
	len = most;
	if (slash) {
		r = pn_number_parse(slash + 1, most, &len);
		*slash = '/';
	}
	if (r < 0)
		return bad(p, reterr, text,
			   most == BITS ? "needs a prefix length from 0 to 128"
					: "needs a prefix length from 0 to 32");
	ret->prefix_len = (uint8_t)(first + len);
	if (has_host_bits(ret))
		return bad(p, reterr, text, "has bits set behind its prefix");
	return 0;
}

static int reserve(struct parser *p)
{
	size_t cap = p->cap ? p->cap * 2 : 16;
	struct pn_range *grown;

	if (p->out->n < p->cap)
		return 0;
	grown = reallocarray(p->out->items, cap, sizeof(*grown));
	if (!grown)
		return -ENOMEM;
	p->out->items = grown;
	p->cap = cap;
	return 0;
}

static int parse_line(struct parser *p, char *line, struct pn_err *reterr)
{
	struct pn_range range = { .name = "" };
	char *network, *name;
	int r;

	line[strcspn(line, "#")] = '\0';
	cut_blanks(line);
	network = skip_blanks(line);
	if (!*network)
		return 0;
	name = network + strcspn(network, " \t");
	if (*name)
		*name++ = '\0';
	name = skip_blanks(name);
	r = parse_network(p, network, &range.cidr, reterr);
	if (r < 0)
		return r;
	if (!*name || strlen(name) >= PN_NAME_LEN)
		return bad(p, reterr, network, "needs a name behind it, of at most 255 bytes");
	if (p->out->n == MAX_RANGES)
		return bad(p, reterr, network, "is one too many: there may be 65536");
	r = reserve(p);
	if (r < 0)
		return pn_err_set(reterr, r, "%s: no memory", p->path);
	range.name = name;
	p->out->items[p->out->n++] = range;
	return 0;
}

static int compare(const void *a, const void *b)
{
	const struct pn_range *x = a, *y = b;
	int order = memcmp(&x->cidr.addr, &y->cidr.addr, sizeof(x->cidr.addr));

	return order ? order : x->cidr.prefix_len - y->cidr.prefix_len;
}

/* One name for a network; which of two is meant nobody can say. */
static int check_twice(const char *path, const struct pn_ranges *r, struct pn_err *reterr)
{
	char text[PN_CIDR_STRLEN];

	for (size_t i = 1; i < r->n; i++) {
		const struct pn_cidr *c = &r->items[i].cidr;

		if (compare(&r->items[i - 1], &r->items[i]) != 0)
			continue;
		return pn_err_set(reterr, -EINVAL, "%s: %s has two names: \"%s\" and \"%s\"", path,
				  pn_cidr_format(c, text), r->items[i - 1].name, r->items[i].name);
	}
	return 0;
}

int pn_ranges_parse(const char *path, char *text, struct pn_ranges *ret, struct pn_err *reterr)
{
	PN_CLEANUP(pn_ranges_done) struct pn_ranges out = { .text = text };
	struct parser p = { .path = path, .out = &out };
	char *rest = text, *line;
	int r = 0;

	while (r == 0 && (line = strsep(&rest, "\n"))) {
		p.line++;
		r = parse_line(&p, line, reterr);
	}
	if (r < 0)
		return r;
	if (out.n)
		qsort(out.items, out.n, sizeof(out.items[0]), compare);
	r = check_twice(path, &out, reterr);
	if (r < 0)
		return r;
	*ret = out;
	out = (struct pn_ranges) { .n = 0 };
	return 0;
}

void pn_ranges_done(struct pn_ranges *r)
{
	free(r->items);
	free(r->text);
	*r = (struct pn_ranges) { .n = 0 };
}

static bool is_same_file(const struct stat *a, const struct stat *b)
{
	return a->st_dev == b->st_dev && a->st_ino == b->st_ino && a->st_size == b->st_size &&
	       a->st_mtim.tv_sec == b->st_mtim.tv_sec && a->st_mtim.tv_nsec == b->st_mtim.tv_nsec;
}

int pn_ranges_file_read(struct pn_ranges_file *f, struct pn_ranges *ret, struct pn_err *reterr)
{
	struct stat st = { .st_size = 0 };
	bool was_missing = f->was_missing;
	char *text = NULL;
	int r;

	f->was_missing = stat(f->path, &st) < 0;
	if (f->was_missing && was_missing)
		return 0;
	if (!f->was_missing && is_same_file(&st, &f->seen))
		return 0;
	f->seen = st;
	r = pn_file_read(f->path, MAX_BYTES, &text, reterr);
	if (r == 0)
		r = pn_ranges_parse(f->path, text, ret, reterr);
	if (r == -ENOMEM || r == -EMFILE || r == -ENFILE)
		f->seen = (struct stat) { .st_size = 0 };
	return r < 0 ? r : 1;
}
