/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Fuzzes what the history reads from its file. The first byte chooses: a pair and its counts, as they
 * stand in a row, of which a record is made or nothing, and each record can be matched and written in
 * every form; or any bytes as the file, which is opened, asked and written to, or set aside.
 */
#include <assert.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "export/encode.h"
#include "export/history.h"
#include "export/history_file.h"
#include "flow/filter.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static char path[64];

static void remove_files(void)
{
	static const char *const endings[] = { "", "-wal", ".aside", ".aside-wal" };
	char name[96];

	for (size_t i = 0; i < PN_ARRAY_SIZE(endings); i++) {
		(void)snprintf(name, sizeof(name), "%s%s", path, endings[i]);
		(void)unlink(name);
	}
}

static bool use_record(void *data, const struct pn_flow_record *r)
{
	static const char *const filters[][2] = {
		{ "pod", "shop/web" }, { "workload", "web" },	 { "service", "db" },
		{ "node", "n1" },      { "ip", "10.0.0.1" },	 { "drop-reason", "NO_SOCKET" },
		{ "port", "80" },      { "verdict", "dropped" }, { "verdict", "denied" },
	};
	struct pn_buf out = PN_BUF_INIT(4 << 20);

	(void)data;
	for (enum pn_format f = 0; f < PN_FORMAT_MAX; f++)
		(void)pn_encode(f, r, &out);
	pn_buf_done(&out);
	for (size_t i = 0; i < PN_ARRAY_SIZE(filters); i++) {
		struct pn_filter *f = NULL;

		assert(pn_filter_new(&f) == 0);
		assert(pn_filter_add(f, filters[i][0], i & 1, filters[i][1], NULL) == 0);
		(void)pn_filter_match(f, r);
		pn_filter_free(f);
	}
	return true;
}

static void try_row(const uint8_t *data, size_t size)
{
	uint64_t sums[PN_HISTORY_SUM_MAX] = { 0 };
	size_t key_len = PN_MIN(size, sizeof(struct pn_history_key)), sums_len;
	struct pn_history_row row;
	char *text;

	sums_len = PN_MIN(size - key_len, sizeof(sums));
	memcpy(sums, data + size - sums_len, sums_len);
	size -= key_len + sums_len;
	text = malloc(size + 1); /* of the size that it has, so that one byte too far is seen */
	assert(text);
	memcpy(text, data + key_len, size);
	if (pn_history_row_pair(&row, data, key_len, text, size) == 0 &&
	    pn_history_row_sums(&row, sums[0], sums) == 0)
		(void)use_record(NULL, &row.record);
	free(text);
}

static void use_file(struct pn_history_file *f)
{
	struct pn_history_batch *b = pn_history_batch_new(4);
	struct pn_history_place place = PN_HISTORY_FROM_START;
	const struct pn_flow_record r = { .end = 1, .drop.reason = "", .drop.location = "" };
	uint32_t minute = 0;
	uint64_t n_lost;
	bool is_stranger;

	assert(b && pn_history_batch_add(b, &r, false, &is_stranger) == 0);
	if (pn_history_file_minute(f, 0, false, &minute) > 0)
		(void)pn_history_file_rows(f, minute, UINT32_MAX, &place, 100, use_record, NULL);
	(void)pn_history_file_write(f, b, 1, &n_lost, NULL);
	pn_history_batch_free(b);
}

static void try_file(const uint8_t *data, size_t size)
{
	struct pn_history_file *f = NULL;
	struct pn_err aside = { "" }, err = { "" };
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600), r;

	assert(fd >= 0 && write(fd, data, size) == (ssize_t)size);
	(void)close(fd);
	r = pn_history_file_open(path, PN_HISTORY_MIN_BYTES, 60 * PN_NSEC_PER_SEC, &f, &aside,
				 &err);
	assert((r == 0) == (f != NULL) && (r == 0 || err.text[0]));
	if (f)
		use_file(f);
	pn_history_file_close(f);
	remove_files();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (!path[0]) {
		(void)snprintf(path, sizeof(path), "/dev/shm/fuzz-history-%d", (int)getpid());
		(void)atexit(remove_files);
	}
	if (size < 1)
		return 0;
	if (data[0] == 1)
		try_file(data + 1, size - 1);
	else
		try_row(data + 1, size - 1);
	return 0;
}
