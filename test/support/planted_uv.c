/* SPDX-License-Identifier: Apache-2.0 */
/*
 * planted_uv.c - see planted.h. A file of its own: only tests that make a real io link it.
 */
#include "support/planted.h"

#include "io/uv.h"

int __real_io_uv_new(struct io **io, const struct io_uv_options *options, struct gw_error *error);
int __wrap_io_uv_new(struct io **io, const struct io_uv_options *options, struct gw_error *error);

int __wrap_io_uv_new(struct io **io, const struct io_uv_options *options, struct gw_error *error)
{
	int code = __real_io_uv_new(io, options, error);

	if (code == 0)
		(*io)->rare = test_planted();
	return code;
}
