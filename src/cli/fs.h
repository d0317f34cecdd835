/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fs.h - `gw fs`: files in the file system, from the command line.
 */
#ifndef CLI_FS_H
#define CLI_FS_H

#include <groundwork/gfs.h>

#include <jansson.h>
#include <stdio.h>

/* How far one file is, drawn on a terminal. */
struct cli_fs_progress {
	bool is_on;
	char name[48];
	uint64_t bytes, total; /* 0: not known */
	uint64_t began_ns, drawn_ns; /* 0: not drawn yet */
};

/* The options of all actions; each action's table has some of them. */
struct cli_fs {
	bool help, json, insecure;
	bool details, recursive, deleted, now, force, exact, weak, back, parents, literal;
	uint64_t deadline_ms;
	uint64_t chunk_bytes;
	int64_t goal, id;
	const char *cluster, *ca, *certificate, *key, *server_role, *rack, *mode;

	char **operands;
	size_t count;
	int (*ask)(struct cli_fs *fs, struct gw_error *error);
	struct gw_gfs_client *client;
	struct gw_error *error;
	bool several; /* paths: each is named with what is printed of it */
	struct cli_fs_progress progress;
};

/* Each in the task, with fs->client: fs_names.c */
int cli_fs_ls(struct cli_fs *fs, struct gw_error *error);
int cli_fs_mkdir(struct cli_fs *fs, struct gw_error *error);
int cli_fs_rm(struct cli_fs *fs, struct gw_error *error);
int cli_fs_undelete(struct cli_fs *fs, struct gw_error *error);
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
int cli_fs_rebalance(struct cli_fs *fs, struct gw_error *error);
/* fs_verify.c */
int cli_fs_verify(struct cli_fs *fs, struct gw_error *error);
/* fs_data.c */
int cli_fs_cat(struct cli_fs *fs, struct gw_error *error);
int cli_fs_append(struct cli_fs *fs, struct gw_error *error);
/* fs_copy.c */
int cli_fs_put(struct cli_fs *fs, struct gw_error *error);
int cli_fs_get(struct cli_fs *fs, struct gw_error *error);
int cli_fs_cp(struct cli_fs *fs, struct gw_error *error);
int cli_fs_mv(struct cli_fs *fs, struct gw_error *error);

/* ---- What they share: fs_paths.c ------------------------------------------------------------- */

/* An operand without slashes at its end; malloc'ed, NULL: no memory. */
char *cli_fs_path(const char *operand);
/* The name at a path's end, within it; empty: of the root. */
struct gw_bytes cli_fs_last(const char *path);

struct cli_fs_paths {
	char **items;
	size_t count, capacity;
};

/*
 * Adds the paths that operands mean. One with '*', '?' or '[' that is not there by that name is a
 * pattern, as a shell has it, and means all that it matches; if that is nothing, itself. paths is
 * done also when this fails.
 */
int cli_fs_paths_of(struct cli_fs *fs, char **operands, size_t count, struct cli_fs_paths *paths,
		    struct gw_error *error);
void cli_fs_paths_done(struct cli_fs_paths *paths);
/* Calls visit for each path that the operands from `from` on mean. */
int cli_fs_each_path(struct cli_fs *fs, size_t from,
		     int (*visit)(struct cli_fs *fs, const char *path, struct gw_error *error),
		     struct gw_error *error);

/* Calls visit for all entries of a directory, page by page. */
int cli_fs_each(struct cli_fs *fs, const char *directory,
		int (*visit)(void *context, const struct gw_gfs_entry *entry,
			     struct gw_error *error),
		void *context, struct gw_error *error);
/* directory/name, malloc'ed; NULL: no memory. */
char *cli_fs_join(const char *directory, struct gw_bytes name);

/* Calls visit for what is at the path and, recursive, for all under it; a directory comes before
 * what is in it. */
typedef int cli_fs_visit(void *context, const char *path, const struct gw_gfs_entry *entry,
			 struct gw_error *error);
int cli_fs_walk(struct cli_fs *fs, const char *path, bool recursive, cli_fs_visit *visit,
		void *context, struct gw_error *error);
/* Of all paths that the operands mean, or of the root, and all under them. */
int cli_fs_walk_all(struct cli_fs *fs, cli_fs_visit *visit, void *context,
		    struct gw_error *error);

/* fs_names.c: "rw-r--r--"; 10 bytes with the NUL. */
void cli_fs_mode_text(uint32_t mode, char text[10]);
/* Makes a directory; that it is there already is fine. */
int cli_fs_make_directory(struct cli_fs *fs, struct gw_bytes path, uint32_t mode,
			  struct gw_gfs_change *change, struct gw_error *error);
/* An object of that path on a line; takes it, NULL: no memory. */
int cli_fs_print_json(const char *path, json_t *json, struct gw_error *error);
/* What a change did, when it is for programs. Returns code. */
int cli_fs_print_change(const struct cli_fs *fs, int code, const struct gw_gfs_change *change,
			struct gw_error *error);

/* fs_look.c: calls visit for all chunks of a file that are there. */
int cli_fs_each_chunk(struct cli_fs *fs, const char *path,
		      int (*visit)(void *context, const struct gw_gfs_chunk *chunk,
				   struct gw_error *error),
		      void *context, struct gw_error *error);

/* fs_care.c */
struct cli_fs_usage {
	uint64_t files, directories, bytes;
};
/* A visit with a usage: adds the entry to it. */
int cli_fs_count_one(void *context, const char *path, const struct gw_gfs_entry *entry,
		     struct gw_error *error);

/* As JSON. */
int cli_fs_print_usage(const char *path, const struct cli_fs_usage *usage, struct gw_error *error);
/* "755" */
int cli_fs_read_mode(const char *text, uint32_t *mode, struct gw_error *error);

/* fs_data.c: a file here becomes one of the file system, by its name when all of it is there; one
 * of the file system is copied; is written to one here. name is for sentences. */
int cli_fs_store(struct cli_fs *fs, FILE *local, const char *name, const char *path,
		 struct gw_error *error);
int cli_fs_store_copy(struct cli_fs *fs, const char *path, const char *to, struct gw_error *error);
int cli_fs_fetch(struct cli_fs *fs, const char *path, FILE *local, const char *name,
		 struct gw_error *error);

/* fs_copy.c: a file here; "-" is standard input. */
int cli_fs_open_local(const char *name, FILE **local, struct gw_error *error);
void cli_fs_close_local(FILE *local); /* NULL is fine */

/* fs_progress.c: around what one file takes; bytes come as they go. */
void cli_fs_progress_begin(struct cli_fs *fs, const char *name, uint64_t total);
void cli_fs_progress_add(struct cli_fs *fs, uint64_t bytes);
void cli_fs_progress_end(struct cli_fs *fs);

/* Addresses of masters: as given, or as the variable GW_CLUSTER has them, or the one that a laptop
 * has. */
const char *cli_fs_cluster(const char *given);

int cli_fs(int argc, char **argv);
void cli_fs_words(int argc, char **argv, FILE *file);

#endif
