/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fs.h - `gw fs`: files in the file system, from the command line.
 */
#ifndef CLI_FS_H
#define CLI_FS_H

#include <groundwork/gfs.h>

#include <stdio.h>

/* The options of all actions; each action's table has some of them. */
struct cli_fs {
	bool help, json, insecure;
	bool details, recursive, deleted, now, force, exact, weak, back, parents;
	uint64_t deadline_ms;
	uint64_t chunk_bytes;
	int64_t goal, id;
	const char *cluster, *ca, *certificate, *key, *server_role, *rack, *mode;

	char **operands;
	size_t count;
	int (*ask)(struct cli_fs *fs, struct gw_error *error);
	struct gw_gfs_client *client;
	struct gw_error *error;
};

/* Each in the task, with fs->client: fs_names.c */
int cli_fs_ls(struct cli_fs *fs, struct gw_error *error);
int cli_fs_mkdir(struct cli_fs *fs, struct gw_error *error);
int cli_fs_rm(struct cli_fs *fs, struct gw_error *error);
int cli_fs_undelete(struct cli_fs *fs, struct gw_error *error);
int cli_fs_mv(struct cli_fs *fs, struct gw_error *error);
int cli_fs_snapshot(struct cli_fs *fs, struct gw_error *error);
/* fs_look.c */
int cli_fs_stat(struct cli_fs *fs, struct gw_error *error);
int cli_fs_du(struct cli_fs *fs, struct gw_error *error);
int cli_fs_df(struct cli_fs *fs, struct gw_error *error);
int cli_fs_locations(struct cli_fs *fs, struct gw_error *error);
int cli_fs_status(struct cli_fs *fs, struct gw_error *error);
/* fs_care.c */
int cli_fs_chmod(struct cli_fs *fs, struct gw_error *error);
int cli_fs_chown(struct cli_fs *fs, struct gw_error *error);
int cli_fs_goal(struct cli_fs *fs, struct gw_error *error);
int cli_fs_count(struct cli_fs *fs, struct gw_error *error);
int cli_fs_fsck(struct cli_fs *fs, struct gw_error *error);
int cli_fs_drain(struct cli_fs *fs, struct gw_error *error);
/* fs_data.c */
int cli_fs_put(struct cli_fs *fs, struct gw_error *error);
int cli_fs_get(struct cli_fs *fs, struct gw_error *error);
int cli_fs_cat(struct cli_fs *fs, struct gw_error *error);
int cli_fs_append(struct cli_fs *fs, struct gw_error *error);
int cli_fs_cp(struct cli_fs *fs, struct gw_error *error);

/* ---- What they share: fs_names.c ------------------------------------------------------------- */

/* "rw-r--r--"; 10 bytes with the NUL. */
void cli_fs_mode_text(uint32_t mode, char text[10]);
/* Calls visit for all entries of a directory, page by page. */
int cli_fs_each(struct cli_fs *fs, const char *directory,
		int (*visit)(void *context, const struct gw_gfs_entry *entry,
			     struct gw_error *error),
		void *context, struct gw_error *error);
/* directory/name, malloc'ed; NULL: no memory. */
char *cli_fs_join(const char *directory, struct gw_bytes name);
/* What a change did, when it is for programs. Returns code. */
int cli_fs_print_change(const struct cli_fs *fs, int code, const struct gw_gfs_change *change,
			struct gw_error *error);

/* fs_look.c: calls visit for all chunks of a file that are there. */
int cli_fs_each_chunk(struct cli_fs *fs, const char *path,
		      int (*visit)(void *context, const struct gw_gfs_chunk *chunk,
				   struct gw_error *error),
		      void *context, struct gw_error *error);

/* fs_care.c: calls visit for what is at the path and, recursive, for all under it; a directory
 * comes before what is in it. */
typedef int cli_fs_visit(void *context, const char *path, const struct gw_gfs_entry *entry,
			 struct gw_error *error);
int cli_fs_walk(struct cli_fs *fs, const char *path, bool recursive, cli_fs_visit *visit,
		void *context, struct gw_error *error);

struct cli_fs_usage {
	uint64_t files, directories, bytes;
};
/* A visit with a usage: adds the entry to it. */
int cli_fs_count_one(void *context, const char *path, const struct gw_gfs_entry *entry,
		     struct gw_error *error);

/* "755" */
int cli_fs_read_mode(const char *text, uint32_t *mode, struct gw_error *error);

/* Addresses of masters: as given, or as the variable GW_CLUSTER has them, or the one that a laptop
 * has. */
const char *cli_fs_cluster(const char *given);

int cli_fs(int argc, char **argv);
void cli_fs_words(int argc, char **argv, FILE *file);

#endif
