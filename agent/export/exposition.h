/* SPDX-License-Identifier: Apache-2.0 */
#ifndef PN_EXPORT_EXPOSITION_H
#define PN_EXPORT_EXPOSITION_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "export/text.h"

/*
 * What Prometheus reads: its text format 0.0.4, or OpenMetrics 1.0. A family begins with its name,
 * and all of its samples follow.
 */

enum pn_expo_type {
	PN_EXPO_COUNTER, /* its name ends in _total */
	PN_EXPO_GAUGE,
	PN_EXPO_HISTOGRAM,
	PN_EXPO_INFO,	  /* its name ends in _info */
	PN_EXPO_TYPE_MAX, /* sentinel */
};

/** The forms of pn_exposition_choose(). */
enum pn_expo_form {
	PN_EXPO_TEXT,
	PN_EXPO_OPENMETRICS,
	PN_EXPO_FORM_MAX, /* sentinel */
};

extern const char *const pn_expo_content_types[PN_EXPO_FORM_MAX];

/**
 * struct pn_exposition - one answer while it is written
 * @out:   has to be emptied and freed by the caller
 * @name:  of the family whose samples come now
 * @error: the first failure of @out: what is there is no whole answer
 */
struct pn_exposition {
	enum pn_expo_form form;
	struct pn_buf *out;
	const char *name;
	int error;
};

/** pn_expo_family() - @help: a sentence without quotes, backslashes and newlines. Both outlive the family */
void pn_expo_family(struct pn_exposition *e, enum pn_expo_type type, const char *name,
		    const char *help);

/** One sample of the family; @labels: as struct pn_labels writes them, "" for none. No reals but finite ones and +Inf. */
void pn_expo_value(struct pn_exposition *e, const char *labels, uint64_t value);
void pn_expo_real(struct pn_exposition *e, const char *labels, double value);

/**
 * pn_expo_part() - a sample with a name and a label of its own
 * @suffix: behind the family's name: "_bucket" of a histogram; "" for none
 * @more:   one more label, as text; "" for none
 */
void pn_expo_part(struct pn_exposition *e, const char *suffix, const char *labels, const char *more,
		  uint64_t value);
void pn_expo_part_real(struct pn_exposition *e, const char *suffix, const char *labels,
		       const char *more, double value);

/** pn_expo_end() - nothing comes after it */
void pn_expo_end(struct pn_exposition *e);

/** Room for the labels of a sample. */
enum { PN_LABELS_LEN = 4096 };

/**
 * struct pn_labels - the labels of a sample as text: a="b",c="d"
 * @text: when it is full, some of them did not fit
 */
struct pn_labels {
	struct pn_text text;
	char buf[PN_LABELS_LEN];
};

void pn_labels_begin(struct pn_labels *l);

/** pn_labels_put() - @value may be anything: what is not UTF-8 becomes U+FFFD */
void pn_labels_put(struct pn_labels *l, const char *name, const char *value);

/** pn_labels_end() - Return: NUL-terminated, lives in @l; what did not fit is left out, see @text.full */
const char *pn_labels_end(struct pn_labels *l);

/** pn_label() - a begin, one put and an end. Return: as pn_labels_end() */
const char *pn_label(struct pn_labels *l, const char *name, const char *value);

/**
 * pn_exposition_choose() - which form a request's header Accept asks for
 *
 * OpenMetrics if it is named at all and no other form that we have is liked better.
 */
enum pn_expo_form pn_exposition_choose(const char *accept);

#endif
