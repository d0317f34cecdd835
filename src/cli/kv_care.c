/* SPDX-License-Identifier: Apache-2.0 */
/* kv_care.c - `gw kv members|status|backup|restore|fsck`. */
#include "cli/kv.h"

#include "kv/server/offline.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <unistd.h>

/* ---- Members --------------------------------------------------------------------------------- */

static json_t *member_json(const struct gw_kv_member *member)
{
	return json_pack("{s:I,s:s,s:b,s:b,s:b,s:I}", "id", (json_int_t)member->id, "address",
			 member->address, "votes", member->votes, "standby", member->standby,
			 "leads", member->leads, "match", (json_int_t)member->match);
}

static int list_members(struct cli_kv *kv, struct gw_error *error)
{
	struct gw_kv_member members[GW_KV_MEMBERS_MAX];
	int count = gw_kv_members(kv->client, kv->weak, members, error), code = 0;

	for (int i = 0; i < count && code == 0; i++) {
		const struct gw_kv_member *member = &members[i];

		if (kv->json) {
			code = cli_kv_print_json(member_json(member), error);
			continue;
		}
		printf("%" PRIu64 "\t%s\t%s", member->id,
		       member->address[0] ? member->address : "-",
		       member->leads	 ? "leads"
		       : member->votes	 ? "votes"
		       : member->standby ? "standby"
					 : "learns");
		if (member->match)
			printf("\t%" PRIu64, member->match);
		putchar('\n');
	}
	return count < 0 ? count : code;
}

static int parse_id(const char *text, uint64_t *id, struct gw_error *error)
{
	char *end;

	errno = 0;
	*id = strtoull(text, &end, 10);
	if (end == text || *end || errno || *id == 0)
		return gw_fail(error, GW_E_USAGE, "%s: the id of a member is wanted", text);
	return 0;
}

static int print_id(const struct cli_kv *kv, int code, uint64_t id, struct gw_error *error)
{
	if (code < 0)
		return code;
	if (kv->json)
		return cli_kv_print_json(json_pack("{s:I}", "id", (json_int_t)id), error);
	printf("%" PRIu64 "\n", id);
	return 0;
}

int cli_kv_members(struct cli_kv *kv, struct gw_error *error)
{
	const char *what = kv->count > 0 ? kv->operands[0] : NULL;
	uint64_t id = 0, made = 0;
	int code;

	if (!what)
		return list_members(kv, error);
	if (strcmp(what, "add") == 0 && kv->count == 2) {
		code = gw_kv_member_add(kv->client, kv->operands[1], kv->standby, &made, error);
		return print_id(kv, code, made, error);
	}
	if (strcmp(what, "remove") == 0 && kv->count == 2) {
		code = parse_id(kv->operands[1], &id, error);
		return code < 0 ? code : gw_kv_member_remove(kv->client, id, error);
	}
	if (strcmp(what, "replace") == 0 && kv->count >= 2) {
		code = parse_id(kv->operands[1], &id, error);
		if (code == 0)
			code = gw_kv_member_replace(kv->client, id,
						    kv->count > 2 ? kv->operands[2] : NULL, &made,
						    error);
		return print_id(kv, code, made, error);
	}
	return gw_fail(error, GW_E_USAGE,
		       "wanted: nothing, add ADDRESS, remove ID, or replace ID [ADDRESS]");
}

/* ---- Status ---------------------------------------------------------------------------------- */

struct row {
	const char *name, *json_name;
	uint64_t number;
};

enum { STATUS_ROWS = 13 };

static void make_rows(const struct gw_kv_status *status, struct row rows[STATUS_ROWS])
{
	const struct row made[STATUS_ROWS] = {
		{"member", "member", status->member},
		{"term", "term", status->term},
		{"leader", "leader", status->leader},
		{"applied", "applied", status->applied},
		{"committed", "committed", status->committed},
		{"last entry", "last", status->last},
		{"snapshot", "snapshot", status->snapshot},
		{"keys", "keys", status->keys},
		{"bytes", "bytes", status->bytes},
		{"clients", "clients", status->clients},
		{"watchers", "watchers", status->watchers},
		{"watch from", "watchFrom", status->watch_from},
		{"troubles", "troubles", status->troubles},
	};

	memcpy(rows, made, sizeof(made));
}

int cli_kv_status(struct cli_kv *kv, struct gw_error *error)
{
	struct gw_kv_status status;
	struct row rows[STATUS_ROWS];
	char cluster[2 * sizeof(status.cluster) + 1];
	json_t *json;
	int code = gw_kv_status(kv->client, &status, error);

	if (code < 0)
		return code;
	make_rows(&status, rows);
	for (size_t i = 0; i < sizeof(status.cluster); i++)
		(void)snprintf(cluster + 2 * i, 3, "%02x", status.cluster[i]);
	if (!kv->json) {
		printf("%-14s%s\n%-14s%s\n", "role", status.role, "cluster", cluster);
		for (size_t i = 0; i < STATUS_ROWS; i++)
			printf("%-14s%" PRIu64 "\n", rows[i].name, rows[i].number);
		printf("%-14s%s\n%-14s%s\n%-14s%s\n", "leader at", status.leader_address, "table",
		       status.table, "version", status.version);
		if (status.failed[0])
			printf("%-14s%s\n", "failed", status.failed);
		if (status.trouble[0])
			printf("%-14s%s\n", "trouble", status.trouble);
		return 0;
	}
	json = json_pack("{s:s,s:s,s:s,s:s,s:s,s:s,s:s,s:I}", "role", status.role, "cluster",
			 cluster, "leaderAddress", status.leader_address, "table", status.table,
			 "version", status.version, "failed", status.failed, "trouble",
			 status.trouble, "wallMs", (json_int_t)status.wall_ms);
	for (size_t i = 0; json && i < STATUS_ROWS; i++)
		json_object_set_new(json, rows[i].json_name,
				    json_integer((json_int_t)rows[i].number));
	return cli_kv_print_json(json, error);
}

/* ---- Backups --------------------------------------------------------------------------------- */

static int write_piece(void *context, struct gw_bytes bytes, struct gw_error *error)
{
	FILE *file = context;

	if (fwrite(bytes.data, 1, bytes.size, file) != bytes.size)
		return gw_fail_errno(error, errno, "the backup cannot be written");
	return 0;
}

/* A file by another name until it is whole and on disk. */
static int backup_to_file(struct cli_kv *kv, const char *name, uint64_t *index,
			  struct gw_error *error)
{
	size_t size = strlen(name) + sizeof(".part");
	char *part = malloc(size);
	FILE *file = NULL;
	int code = 0;

	if (!part)
		return gw_fail(error, GW_E_NO_MEMORY, "no memory for a name");
	(void)snprintf(part, size, "%s.part", name);
	file = fopen(part, "we");
	if (!file)
		code = gw_fail_errno(error, errno, "%s", part);
	if (code == 0)
		code = gw_kv_backup(kv->client, write_piece, file, index, error);
	if (code == 0 && (fflush(file) != 0 || fsync(fileno(file)) != 0))
		code = gw_fail_errno(error, errno, "%s", part);
	if (file && fclose(file) != 0 && code == 0)
		code = gw_fail_errno(error, errno, "%s", part);
	if (code == 0 && rename(part, name) != 0)
		code = gw_fail_errno(error, errno, "%s", name);
	if (code < 0 && file)
		(void)remove(part);
	free(part);
	return code;
}

int cli_kv_backup(struct cli_kv *kv, struct gw_error *error)
{
	const char *name = kv->operands[0];
	bool is_file = strcmp(name, "-") != 0;
	uint64_t index = 0;
	int code = is_file ? backup_to_file(kv, name, &index, error)
			   : gw_kv_backup(kv->client, write_piece, stdout, &index, error);

	if (code < 0 || !is_file)
		return code;
	if (kv->json)
		return cli_kv_print_json(json_pack("{s:I}", "index", (json_int_t)index), error);
	printf("%s: the state at entry %" PRIu64 "\n", name, index);
	return 0;
}

static int read_piece(void *context, void *buffer, size_t size, struct gw_error *error)
{
	FILE *file = context;
	size_t got = fread(buffer, 1, size, file);

	if (got == 0 && ferror(file))
		return gw_fail_errno(error, errno, "the backup cannot be read");
	return (int)got;
}

int cli_kv_restore(struct cli_kv *kv, struct gw_error *error)
{
	const char *name = kv->operands[0];
	FILE *file = strcmp(name, "-") == 0 ? stdin : fopen(name, "re");
	const struct kv_restore_options options = {
		.directory = kv->directory,
		.address = kv->advertise,
		.read = read_piece,
		.context = file,
	};
	struct kv_restore_report report;
	int code;

	if (!file)
		return gw_fail_errno(error, errno, "%s", name);
	code = kv->directory ? kv_restore(&options, &report, error)
			     : gw_fail(error, GW_E_USAGE, "--dir is wanted");
	if (file != stdin)
		(void)fclose(file);
	if (code < 0)
		return code;
	if (kv->json)
		return cli_kv_print_json(
			json_pack("{s:I,s:I,s:I}", "index", (json_int_t)report.index, "keys",
				  (json_int_t)report.keys, "expired", (json_int_t)report.expired),
			error);
	printf("%s: %" PRIu64 " keys, as they were at entry %" PRIu64 " of the old cluster\n",
	       kv->directory, report.keys, report.index);
	return 0;
}

/* ---- A look ---------------------------------------------------------------------------------- */

static void print_finding(void *context, const char *sentence)
{
	const struct cli_kv *kv = context;
	json_t *json = kv->json ? json_pack("{s:s}", "finding", sentence) : NULL;

	if (json)
		(void)cli_kv_print_json(json, NULL);
	else
		printf("%s\n", sentence);
}

int cli_kv_fsck(struct cli_kv *kv, struct gw_error *error)
{
	const char *directory = kv->operands[0];
	struct replog_check_report report;
	int code = kv_check(directory, print_finding, kv, &report, error);

	if (code < 0)
		return code;
	if (kv->json)
		code = cli_kv_print_json(json_pack("{s:I,s:I,s:I,s:I,s:I,s:I,s:I,s:I}", "member",
						   (json_int_t)report.identity.member, "term",
						   (json_int_t)report.term, "first",
						   (json_int_t)report.first_index, "last",
						   (json_int_t)report.last_index, "snapshot",
						   (json_int_t)report.snapshot_index, "bytes",
						   (json_int_t)report.bytes, "tornBytes",
						   (json_int_t)report.torn_bytes, "findings",
						   (json_int_t)report.findings),
					 error);
	else
		printf("%s: member %" PRIu64 ", term %" PRIu64 ", entries %" PRIu64 " to %" PRIu64
		       ", snapshot at %" PRIu64 ", %" PRIu64 " bytes read, %" PRIu64
		       " of a torn write, %" PRIu64 " findings\n",
		       directory, report.identity.member, report.term, report.first_index,
		       report.last_index, report.snapshot_index, report.bytes, report.torn_bytes,
		       report.findings);
	if (code == 0 && report.findings)
		code = gw_fail(error, GW_E_CORRUPT, "%s: %" PRIu64 " findings", directory,
			       report.findings);
	return code;
}
