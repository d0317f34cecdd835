/* SPDX-License-Identifier: Apache-2.0 */
/*
 * stream_conf.h - reads a Hadoop configuration file:
 *
 *     <?xml version="1.0"?>
 *     <configuration>
 *       <property><name>stream.num.map.output.key.fields</name><value>2</value></property>
 *     </configuration>
 *
 * It reads the XML that such files consist of (elements with or without attributes, comments,
 * CDATA, the five entities and character numbers) and refuses what it does not understand, by line.
 */
#ifndef MR_STREAM_CONF_H
#define MR_STREAM_CONF_H

#include "stream_properties.h"

enum { MR_CONF_SIZE_MAX = 16 << 20, MR_CONF_DEPTH_MAX = 16 };

/* Sets what the text says. `file` is for messages. A property without a value is left out. */
int mr_conf_read(struct mr_properties *properties, const char *file, struct gw_bytes text,
		 struct gw_error *error) GW_MUST_CHECK;

#endif
