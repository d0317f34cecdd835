/* SPDX-License-Identifier: Apache-2.0 */
/*
 * kv.h - `gw kv`: the key/value service, served and asked.
 */
#ifndef CLI_KV_H
#define CLI_KV_H

#include <groundwork/kv.h>

#include <jansson.h>
#include <stdio.h>

/* The options of all actions but serve; each action's table has some of them. */
struct cli_kv {
	bool help, json, insecure;
	bool weak, keys_only, standby;
	bool if_absent, remove;
	uint64_t deadline_ms, ttl_ms;
	int64_t if_version, from, limit, min_index;
	const char *at, *ca, *certificate, *key, *server_role, *cluster;
	const char *if_value, *prefix, *directory, *advertise;

	char **operands;
	size_t count;
	int (*ask)(struct cli_kv *kv, struct gw_error *error);
	struct gw_kv_client *client;
	struct gw_error *error;
};

/* Each in the task, with kv->client. */
int cli_kv_get(struct cli_kv *kv, struct gw_error *error);
int cli_kv_put(struct cli_kv *kv, struct gw_error *error);
int cli_kv_append(struct cli_kv *kv, struct gw_error *error);
int cli_kv_cas(struct cli_kv *kv, struct gw_error *error);
int cli_kv_delete(struct cli_kv *kv, struct gw_error *error);
int cli_kv_scan(struct cli_kv *kv, struct gw_error *error);
int cli_kv_watch(struct cli_kv *kv, struct gw_error *error);
int cli_kv_members(struct cli_kv *kv, struct gw_error *error);
int cli_kv_status(struct cli_kv *kv, struct gw_error *error);
int cli_kv_backup(struct cli_kv *kv, struct gw_error *error);
/* In a task, without a client. */
int cli_kv_restore(struct cli_kv *kv, struct gw_error *error);
int cli_kv_fsck(struct cli_kv *kv, struct gw_error *error);

/* `gw kv serve`: an action by itself. */
extern const struct cli_action cli_kv_serve;

/* ---- Output ---------------------------------------------------------------------------------- */

/* Adds bytes by that name if they are UTF-8, else in base64 by the name with "64" behind. */
void cli_kv_json_bytes(json_t *json, const char *name, struct gw_bytes bytes);
/* A line of JSON; takes the object, NULL when there was no memory. */
int cli_kv_print_json(json_t *json, struct gw_error *error);
/* Bytes in a line of text: a tab, a line end, a backslash and what is not printable as \t, \n, \\
 * and \xHH. */
void cli_kv_print_escaped(struct gw_bytes bytes);

int cli_kv(int argc, char **argv);
void cli_kv_words(int argc, char **argv, FILE *file);

#endif
