/* SPDX-License-Identifier: Apache-2.0 */
/* stream_conf_fuzz.c - any bytes as a configuration file: properties, or an error that names a
 * line. */
#include "stream_conf.h"

#include <assert.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct mr_properties properties = {0};
	struct gw_error error = {0};
	int result = mr_conf_read(&properties, "x", (struct gw_bytes){data, size}, &error);

	if (result)
		assert(error.code == result && strncmp(error.text, "x:", 2) == 0);
	for (size_t i = 0; i < properties.count; i++)
		assert(properties.items[i].name[0] && properties.items[i].value);
	mr_properties_done(&properties);
	return 0;
}
