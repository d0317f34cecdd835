/* SPDX-License-Identifier: Apache-2.0 */
/*
 * schema_parse.h - how the halves of reading a schema meet: schema_parse.c takes it off the wire,
 * schema_link.c resolves names and refuses what the room cannot bear.
 */
#ifndef RPC_SCHEMA_SCHEMA_PARSE_H
#define RPC_SCHEMA_SCHEMA_PARSE_H

#include "rpc/schema/schema.h"

/* Files, messages, fields, services of the set; types by name only. */
int rpc_schema_parse(struct rpc_schema *schema, struct gw_bytes set,
		     struct gw_error *error) GW_MUST_CHECK;

/* Resolves the names, and checks all that schema.h promises of a schema. */
int rpc_schema_link(struct rpc_schema *schema, struct gw_error *error) GW_MUST_CHECK;

#endif
