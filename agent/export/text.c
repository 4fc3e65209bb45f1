/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Numbers, addresses and times as text, for the encoders. By hand, because snprintf(), inet_ntop()
 * and gmtime_r() together would take several times as long as everything else in a record.
 */
#include "export/text.h"

enum {
	MINUTE_LEN = sizeof("0000-00-00T00:00:") - 1,
	RFC3339_LEN = sizeof("0000-00-00T00:00:00.000000000Z") - 1,
	N_MINUTES = 64,
};

static const char pairs[] = "0001020304050607080910111213141516171819"
			    "2021222324252627282930313233343536373839"
			    "4041424344454647484950515253545556575859"
			    "6061626364656667686970717273747576777879"
			    "8081828384858687888990919293949596979899";

/* Of a number above 0. 1233 / 4096 is nearly the logarithm of 2, and what is one too few is found by the power. */
static unsigned int count_digits(uint64_t v)
{
	static const uint64_t powers[] = { 0,
					   10,
					   100,
					   1000,
					   10000,
					   100000,
					   1000000,
					   10000000,
					   100000000,
					   1000000000,
					   10000000000,
					   100000000000,
					   1000000000000,
					   10000000000000,
					   100000000000000,
					   1000000000000000,
					   10000000000000000,
					   100000000000000000,
					   1000000000000000000,
					   10000000000000000000u };
	unsigned int n = (64 - (unsigned int)__builtin_clzll(v)) * 1233 / 4096;

	return n + (v >= powers[n]);
}

/* Exactly @n digits, the last of @v, from the back. Inlined, as @n is a constant nearly everywhere. */
static inline __attribute__((always_inline)) void put_digits(char *at, uint64_t v, unsigned int n)
{
	for (; n >= 2; n -= 2, v /= 100)
		memcpy(at + n - 2, &pairs[v % 100 * 2], 2);
	if (n)
		at[0] = (char)('0' + v % 10);
}

/* Exactly two digits, of a number below 100. */
static void put_pair(char *at, uint32_t v)
{
	memcpy(at, &pairs[v * 2], 2);
}

void pn_text_long_u64(struct pn_text *t, uint64_t v)
{
	unsigned int n = count_digits(v);

	if (!pn_text_room(t, n))
		return;
	put_digits(t->at, v, n);
	t->at += n;
}

void pn_text_padded(struct pn_text *t, uint32_t v, unsigned int width)
{
	if (!pn_text_room(t, width))
		return;
	put_digits(t->at, v, width);
	t->at += width;
}

/* From 0 to 255, each with a dot behind it. */
#define BYTE(n)                                               \
	{                                                     \
		(n) < 10    ? '0' + (n) % 10                  \
		: (n) < 100 ? '0' + (n) / 10 % 10             \
			    : '0' + (n) / 100,                \
			(n) < 10    ? '.'                     \
			: (n) < 100 ? '0' + (n) % 10          \
				    : '0' + (n) / 10 % 10,    \
			(n) < 100 ? '.' : '0' + (n) % 10, '.' \
	}
#define BYTES_4(n) BYTE(n), BYTE(n + 1), BYTE(n + 2), BYTE(n + 3)
#define BYTES_16(n) BYTES_4(n), BYTES_4(n + 4), BYTES_4(n + 8), BYTES_4(n + 12)
#define BYTES_64(n) BYTES_16(n), BYTES_16(n + 16), BYTES_16(n + 32), BYTES_16(n + 48)

static const char bytes[256][4] = { BYTES_64(0), BYTES_64(64), BYTES_64(128), BYTES_64(192) };

/* Where there is room for the longest, it is written in place. */
static void put_v4(struct pn_text *t, const uint8_t b[static 4])
{
	char text[sizeof("255.255.255.255.")];
	bool has_room = (size_t)(t->end - t->at) >= sizeof(text);
	char *from = has_room ? t->at : text, *at = from;

	for (int i = 0; i < 4; i++) {
		memcpy(at, bytes[b[i]], sizeof(bytes[0]));
		at += 2 + (b[i] >= 10) + (b[i] >= 100);
	}
	at--; /* the last dot */
	if (has_room)
		t->at = at;
	else
		pn_text_put(t, text, (size_t)(at - text));
}

static void put_hex(struct pn_text *t, unsigned int v)
{
	int shift = 12;

	while (shift && !(v >> shift))
		shift -= 4;
	for (; shift >= 0; shift -= 4)
		pn_text_char(t, "0123456789abcdef"[v >> shift & 0xf]);
}

static unsigned int group(const struct pn_addr *a, int i)
{
	return (unsigned int)a->b[2 * i] << 8 | a->b[2 * i + 1];
}

/* The first of the longest runs of two or more zero groups. Return: its length; 0: none */
static int longest_zeros(const struct pn_addr *a, int *ret_first)
{
	int longest = 1;

	for (int i = 0; i < 8; i++) {
		int first = i;

		while (i < 8 && !group(a, i))
			i++;
		if (i - first > longest) {
			longest = i - first;
			*ret_first = first;
		}
	}
	return longest > 1 ? longest : 0;
}

static void put_v6(struct pn_text *t, const struct pn_addr *a)
{
	int first = 8, n_zeros = longest_zeros(a, &first);

	for (int i = 0; i < 8; i++) {
		if (i == first) {
			pn_text_put(t, "::", 2);
			i += n_zeros - 1;
			continue;
		}
		if (i && i != first + n_zeros)
			pn_text_char(t, ':');
		put_hex(t, group(a, i));
	}
}

void pn_text_addr(struct pn_text *t, const struct pn_addr *a)
{
	if (pn_addr_is_v4(a))
		put_v4(t, a->b + 12);
	else
		put_v6(t, a);
}

/*
 * Years are counted from March, so that the leap day is a year's last: then the day of the year
 * gives the month by a straight line (153 days in each five months), and 400 years are 146,097 days.
 */
static void put_date(char *at, uint32_t days_since_1970)
{
	uint32_t days = days_since_1970 + 719468; /* since 0000-03-01 */
	uint32_t in_era = days % 146097;
	uint32_t year_in_era = (in_era - in_era / 1460 + in_era / 36524 - in_era / 146096) / 365;
	uint32_t in_year = in_era - (365 * year_in_era + year_in_era / 4 - year_in_era / 100);
	uint32_t month = (5 * in_year + 2) / 153;
	uint32_t year = days / 146097 * 400 + year_in_era + (month >= 10);

	put_digits(at, year, 4);
	put_pair(at + 5, month < 10 ? month + 3 : month - 9);
	put_pair(at + 8, in_year - (153 * month + 2) / 5 + 1);
}

static void put_minute(char *at, uint64_t minute)
{
	uint32_t in_day = (uint32_t)(minute % 1440);

	put_date(at, (uint32_t)(minute / 1440));
	put_pair(at + 11, in_day / 60);
	put_pair(at + 14, in_day % 60);
}

/*
 * Most times of a round are of the last minutes: these are written once each. Return: until the next call
 * in this thread
 */
static const char *minute_of(uint64_t minute)
{
	static _Thread_local struct {
		uint64_t minute;
		char text[sizeof("0000-00-00T00:00:")];
	} known[N_MINUTES];
	char *text = known[minute % N_MINUTES].text;

	if (!*text || known[minute % N_MINUTES].minute != minute) {
		memcpy(text, "0000-00-00T00:00:", sizeof(known[0].text));
		put_minute(text, minute);
		known[minute % N_MINUTES].minute = minute;
	}
	return text;
}

void pn_text_rfc3339(struct pn_text *t, pn_nsec realtime)
{
	char *text = t->at;
	uint64_t s = realtime / PN_NSEC_PER_SEC;

	if (!pn_text_room(t, RFC3339_LEN))
		return;
	memcpy(text, minute_of(s / 60), MINUTE_LEN);
	put_pair(text + 17, (uint32_t)(s % 60));
	text[19] = '.';
	put_digits(text + 20, (uint32_t)(realtime % PN_NSEC_PER_SEC), 9);
	text[29] = 'Z';
	t->at += RFC3339_LEN;
}

static bool is_continuation(unsigned char c)
{
	return (c & 0xc0) == 0x80;
}

size_t pn_text_utf8_len(const unsigned char *s)
{
	unsigned char min = 0x80, max = 0xbf; /* of the second byte */
	size_t len;

	if (s[0] >= 0xc2 && s[0] <= 0xdf)
		len = 2;
	else if (s[0] >= 0xe0 && s[0] <= 0xef)
		len = 3;
	else if (s[0] >= 0xf0 && s[0] <= 0xf4)
		len = 4;
	else
		return 0;
	if (s[0] == 0xe0)
		min = 0xa0;
	else if (s[0] == 0xed)
		max = 0x9f;
	else if (s[0] == 0xf0)
		min = 0x90;
	else if (s[0] == 0xf4)
		max = 0x8f;
	if (s[1] < min || s[1] > max)
		return 0;
	for (size_t i = 2; i < len; i++) {
		if (!is_continuation(s[i]))
			return 0;
	}
	return len;
}
