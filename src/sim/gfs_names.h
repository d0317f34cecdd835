/* SPDX-License-Identifier: Apache-2.0 */
/*
 * gfs_names.h - whether a history of names is right: each change that was answered says the index
 * of its entry in the masters' log, so one model is taken through them in this order, and every
 * answer is held against it. Pure: no simulator in it.
 *
 * What is checked: no two changes have one index; who was answered before somebody asked has the
 * lower index; each change could be made where it says it was; each read is what the model has at
 * the index that it names, and that index is not below what was answered before it was asked.
 *
 * A change of which nobody knows whether it happened may have happened anywhere after it was asked:
 * from then on nothing is said of the names that it had, of what is under them, and of where that
 * was moved. So a workload takes other names after one.
 */
#ifndef SIM_GFS_NAMES_H
#define SIM_GFS_NAMES_H

#include <groundwork/base.h>

enum gfs_names_kind {
	GFS_NAMES_CREATE,   /* exclusive */
	GFS_NAMES_MKDIR,
	GFS_NAMES_DELETE,
	GFS_NAMES_RENAME,   /* without replace */
	GFS_NAMES_STAT,
	GFS_NAMES_KINDS
};

enum { GFS_NAMES_PATH_MAX = 64 };

struct gfs_names_call {
	uint8_t kind; /* enum gfs_names_kind */
	char path[GFS_NAMES_PATH_MAX], to[GFS_NAMES_PATH_MAX];
	uint64_t asked; /* a number that rises with every question and answer */
	uint64_t answered; /* 0: never, or nobody knows what happened */
	int code;       /* 0, or a refusal that says for certain that nothing happened */
	uint64_t index, id;
};

struct gfs_names {
	struct gfs_names_call *calls;
	size_t count, capacity;
	uint64_t clock;
};

/* A call begins: its number. GW_E_NO_MEMORY. */
int gfs_names_asked(struct gfs_names *names, enum gfs_names_kind kind, const char *path,
		    const char *to, struct gw_error *error) GW_MUST_CHECK;
void gfs_names_answered(struct gfs_names *names, int number, int code, uint64_t index,
			uint64_t id);
/* GW_E_CORRUPT says what is wrong. The root is there at the beginning, and nothing else. */
int gfs_names_check(const struct gfs_names *names, struct gw_error *error) GW_MUST_CHECK;
void gfs_names_done(struct gfs_names *names);

#endif
