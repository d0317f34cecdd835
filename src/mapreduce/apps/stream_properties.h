/* SPDX-License-Identifier: Apache-2.0 */
/*
 * stream_properties.h - Hadoop's properties (`-D name=value`, `-conf FILE`): a list of names and
 * values in the order in which they were first set. A name that Hadoop has renamed
 * ("mapred.reduce.tasks") is kept under its new one, and is found by either.
 */
#ifndef MR_STREAM_PROPERTIES_H
#define MR_STREAM_PROPERTIES_H

#include <groundwork/base.h>

enum { MR_PROPERTIES_MAX = 10000, MR_PROPERTY_NAME_MAX = 1000 };

struct mr_property {
	char *name, *value; /* owned */
};

struct mr_properties {
	struct mr_property *items;
	size_t count, capacity;
};

/* Starts as {0}; done frees all. */
void mr_properties_done(struct mr_properties *properties);

/* Sets or replaces; both strings are copied. */
int mr_properties_set(struct mr_properties *properties, const char *name, const char *value,
		      struct gw_error *error) GW_MUST_CHECK;

/* The same for "name=value"; without '=' it is GW_E_USAGE. */
int mr_properties_set_pair(struct mr_properties *properties, const char *pair,
			   struct gw_error *error) GW_MUST_CHECK;

/* The value, as long-lived as the property, or NULL. */
const char *mr_properties_get(const struct mr_properties *properties, const char *name);

/* *value is left alone when the property is absent; what is no number (or no "true" or "false") is
 * GW_E_INVALID and named. */
int mr_properties_get_i64(const struct mr_properties *properties, const char *name, int64_t *value,
			  struct gw_error *error) GW_MUST_CHECK;
int mr_properties_get_bool(const struct mr_properties *properties, const char *name, bool *value,
			   struct gw_error *error) GW_MUST_CHECK;

/* The old names of a property, one after the other: *position starts at 0; NULL at the end. */
const char *mr_properties_old_name(const char *name, size_t *position);

#endif
