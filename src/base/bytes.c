/* SPDX-License-Identifier: Apache-2.0 */
/*
 * bytes.c - the order of byte strings.
 */
#include <groundwork/base.h>

int gw_bytes_compare(struct gw_bytes a, struct gw_bytes b)
{
	size_t common = a.size < b.size ? a.size : b.size;
	int order = common ? memcmp(a.data, b.data, common) : 0;

	if (order)
		return order;
	return (a.size > b.size) - (a.size < b.size);
}
